import { CodedError } from '../error/coded-error.ts'

/** Codes of {@link NodeError}: when it happens, and the fix. */
export const nodeErrorCodes = {
  PORTOLAN_RUNS: {
    when: 'another Portolan serves this network namespace, or removes what one made: the message names it',
    fix: 'stop that one first, or wait for its end; of cleanup alone, --force goes ahead beside it',
  },
  KUBE_PROXY_NOT_REMOVED: {
    when: "a part of kube-proxy's rules could not be removed: the message has what the tool said",
    fix: "give it the rights and programs that the message names; or stop kube-proxy and run 'kube-proxy --cleanup' on the node",
  },
  SYSCTLS_NOT_SET: {
    when: '--init-only could not set a sysctl: the message names it, and a warning before it says why',
    fix: 'give the container that runs --init-only privileged: true, or leave the value alone by 0 in the configuration',
  },
} as const

/** Why this node, as it is, can't be worked on. */
export class NodeError extends CodedError<keyof typeof nodeErrorCodes> {}
