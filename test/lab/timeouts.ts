/** How long a host waits for what when it isn't told, in milliseconds. */
export interface Timeouts {
  /** For the answer to a probe or a ping; on an idle machine it takes less than one. */
  readonly answerMs: number
  /** For a connection to hold, and for its other end to answer later. */
  readonly heldMs: number
  /** Between the starts of two attempts of a connect loop. */
  readonly connectEveryMs: number
  /** For one of these: TCP's own second and third SYN (after 1 s and 3 s) count as no loss. */
  readonly connectMs: number
  /** For a certain server to answer for the first time. */
  readonly firstPacketMs: number
  /** For one attempt of that. One whose SYN was dropped would sleep for a second; another is already on its way. */
  readonly firstPacketAttemptMs: number
}

/** @param slowness how many times as long as on a usual machine everything takes */
export function timeoutsOf(slowness: number): Timeouts {
  if (!(slowness >= 1 && slowness <= 1000))
    throw new RangeError(`createLab: slowness is ${slowness}, and must be a number from 1 to 1000`)
  return {
    answerMs: 250 * slowness,
    heldMs: 1000 * slowness,
    connectEveryMs: 2 * slowness,
    connectMs: 5000 * slowness,
    firstPacketMs: 10_000 * slowness,
    firstPacketAttemptMs: 100 * slowness,
  }
}
