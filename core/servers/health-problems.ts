import type { SyncProgress } from '../engine/progress.ts'
import { type IpFamily, ipFamilies } from '../network/address.ts'
import type { SourceStatus } from '../proxy/source-status.ts'

/**
 * Something that an operator wants to know when a node's health is asked for, whether or not the answer is that it is
 * healthy. `problem` is the event of the log where there is one. No names of objects and no messages: whoever reaches the
 * port can read it.
 */
export interface HealthProblem {
  readonly problem: string
  readonly [field: string]: unknown
}

/** The running proxy, as far as its health goes; `RunningProxy` is one. */
export interface WatchedProxy {
  readonly families: readonly IpFamily[]
  progress(family: IpFamily): SyncProgress | undefined
  readonly sourceStatus: Pick<SourceStatus, 'ownNode' | 'unreadable' | 'failures'>
  /** What the first apply still waits for, for a person. */
  readonly awaited: readonly string[]
}

/** @param timeText of a moment by `performance.now()` */
export function healthProblems(
  proxy: WatchedProxy,
  timeText: (at: number) => string,
): readonly HealthProblem[] {
  const { awaited, sourceStatus } = proxy
  return [
    ...(awaited.length === 0 ? [] : [{ problem: 'waiting', for: awaited }]),
    ...ipFamilies.flatMap((family) => applyProblems(family, proxy.progress(family), timeText)),
    ...nodeProblems(proxy),
    ...[...sourceStatus.failures].map(([kind, { code, since }]) => ({
      problem: 'api-failed',
      kind,
      code,
      since: timeText(since),
    })),
    ...[...sourceStatus.unreadable].map((kind) => ({ problem: 'resource-unavailable', kind })),
  ]
}

function applyProblems(
  family: IpFamily,
  progress: SyncProgress | undefined,
  timeText: (at: number) => string,
): readonly HealthProblem[] {
  if (progress?.failure === undefined) return []
  const { failure, unappliedSince } = progress
  const { code } = (failure.error ?? {}) as { readonly code?: unknown }
  return [
    {
      problem: 'apply-failed',
      family,
      ...(typeof code === 'string' ? { code } : {}),
      failures: failure.inARow,
      ...(unappliedSince === undefined ? {} : { since: timeText(unappliedSince) }),
    },
  ]
}

/** Why load balancers are to send no new connections here. */
function nodeProblems({ sourceStatus: { ownNode } }: WatchedProxy): readonly HealthProblem[] {
  if (ownNode === undefined) return [{ problem: 'node-unknown' }]
  return ownNode.leaving === undefined ? [] : [{ problem: 'node-leaving', why: ownNode.leaving }]
}
