import { CodedError } from '../error/coded-error.ts'

/** Codes of {@link NodeError}: when it happens, and the fix. */
export const nodeErrorCodes = {
  PORTOLAN_RUNS: {
    when: 'another Portolan serves this network namespace, or removes what one made: the message names it',
    fix: 'stop that one first, or wait for its end; of cleanup alone, --force goes ahead beside it',
  },
  SYSCTLS_NOT_SET: {
    when: '--init-only could not set a sysctl: the message names it, and a warning before it says why',
    fix: 'give the container that runs --init-only privileged: true, or leave the value alone by 0 in the configuration',
  },
} as const

/** Why this node, as it is, can't be worked on. */
export class NodeError extends CodedError<keyof typeof nodeErrorCodes> {}
