import type { ProbeReport } from '../dataplane/contract.ts'
import { CodedError } from '../error/coded-error.ts'

/** Codes of {@link ProxyError}: when it happens, and the fix. */
export const proxyErrorCodes = {
  DATAPLANE_UNUSABLE: {
    when: 'the dataplane cannot run on this node: the message lists what is missing',
    fix: 'install or enable what the message names, or choose another with --dataplane',
  },
  FAMILY_UNUSABLE: {
    when: 'the dataplane cannot serve an IP family that is to be served: the message says which, and why',
    fix: 'enable the family, or choose another dataplane with --dataplane',
  },
  POD_CIDRS_CHANGED: {
    when: "the Node's podCIDRs changed in mode NodeCIDR; they are fixed for the life of the process",
    fix: 'restart, as a supervisor does by itself',
  },
} as const

/** Why a proxy can't run, or can't go on running, on this node. */
export class ProxyError extends CodedError<keyof typeof proxyErrorCodes> {}

/** Every problem that the probe found, each with what to do about it. */
export function unusable(dataplane: string, { problems }: ProbeReport): ProxyError {
  const lines = problems.map(({ what, fix }) => `${what}\n  fix: ${fix}`)
  const message = [`dataplane ${dataplane} can't run on this node:`, ...lines].join('\n')
  return new ProxyError('DATAPLANE_UNUSABLE', message, undefined)
}
