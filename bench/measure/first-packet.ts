import type { Host } from '@portolan/lab'
import { monotonic } from './clock.ts'

export interface Destination {
  readonly address: string
  readonly port: number
}

export interface FirstPacketRequest {
  readonly to: Destination
  readonly expected: Destination
  readonly timeoutMs: number
  /** Rejects when it can never work: the looking ends then, with that error. */
  readonly ended?: Promise<never> | undefined
}

/** An attempt whose SYN was dropped would sleep for a second; it is given up, and another is on its way. */
const attemptMs = 100
/** The load of the looking is kept small, because it takes CPU time from who is looked at. */
const maxConcurrent = 8
/** Time between two attempts, in milliseconds, and how it grows: the answer is good to this part of it. */
const pace = { minMs: 1, part: 0.02 }

/**
 * When a new TCP connection from a host first reaches a certain server, by `monotonic`: good to a millisecond, and to
 * 2 % where it takes long.
 *
 * @throws Error when it never does within the time
 */
export async function firstPacketAt(
  host: Host,
  { to, expected, timeoutMs, ended }: FirstPacketRequest,
): Promise<number> {
  const begun = monotonic()
  let reached: number | undefined
  let failure: unknown
  ended?.catch((error) => {
    failure = error
  })
  let underWay = 0
  const attempt = async (): Promise<void> => {
    underWay += 1
    const outcome = await host.probe({ protocol: 'TCP', to, timeoutMs: attemptMs })
    underWay -= 1
    const there = outcome.result === 'answered' && outcome.address === expected.address
    if (there && outcome.port === expected.port) reached ??= monotonic()
  }
  while (reached === undefined) {
    if (failure !== undefined) throw failure
    const elapsed = monotonic() - begun
    if (elapsed > timeoutMs) throw new Error(describe(to, expected, timeoutMs))
    if (underWay < maxConcurrent)
      attempt().catch((error) => {
        failure = error
      })
    await new Promise((resolve) => setTimeout(resolve, Math.max(pace.minMs, elapsed * pace.part)))
  }
  return reached
}

function describe(to: Destination, expected: Destination, timeoutMs: number): string {
  return `no connection to ${to.address} port ${to.port} reached ${expected.address} port ${expected.port} in ${timeoutMs / 1000} s`
}
