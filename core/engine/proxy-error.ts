import type { ProbeReport } from '../dataplane/contract.ts'

/** Why a proxy can't run, or can't go on running, on this node. */
export class ProxyError extends Error {
  readonly code: 'DATAPLANE_UNUSABLE' | 'FAMILY_UNUSABLE' | 'POD_CIDRS_CHANGED'
  /** Absent: the message says it. */
  readonly mend: string | undefined

  constructor(code: ProxyError['code'], message: string, mend?: string) {
    super(message)
    this.name = 'ProxyError'
    this.code = code
    this.mend = mend
  }
}

/** Every problem that the probe found, each with what to do about it. */
export function unusable(dataplane: string, { problems }: ProbeReport): ProxyError {
  const lines = problems.map(({ what, mend }) => `${what}\n  to mend it: ${mend}`)
  return new ProxyError(
    'DATAPLANE_UNUSABLE',
    [`dataplane ${dataplane} can't run on this node:`, ...lines].join('\n'),
  )
}
