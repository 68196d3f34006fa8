import type { Clock } from '../time/clock.ts'
import { type HttpHandler, textAnswer } from './http-answer.ts'

/** Of the thread's time, what is left to pages under one bound. */
const share = 0.1

/** Milliseconds of it that may be used at once after a quiet time. */
const atOnce = 1000

/**
 * Holds pages that are worked out when they are asked for to a share of the time of the thread that programs rules, all of
 * them together, so that clients that ask in a loop can't keep changes from the kernel. Who comes when that is used up
 * gets 429 and when to come again. A page is worked out in one go, so the most that a change waits for is what may be used at
 * once, and one page.
 */
export function boundedWork(clock: Pick<Clock, 'now'>): (handler: HttpHandler) => HttpHandler {
  let left = atOnce
  let at = clock.now()
  const refill = (): void => {
    const now = clock.now()
    left = Math.min(atOnce, left + (now - at) * share)
    at = now
  }
  return (handler) => (request) => {
    refill()
    if (left < 0) return tooMany(Math.ceil(-left / share / 1000))
    const begun = clock.now()
    try {
      // What it does later, as a promise, isn't counted: a page has nothing to wait for.
      return handler(request)
    } finally {
      left -= clock.now() - begun
    }
  }
}

function tooMany(seconds: number) {
  const why = `the pages that are worked out when asked for have had their share of this process's time: ask again in ${seconds} s\n`
  return textAnswer(429, why, { 'Retry-After': String(seconds) })
}
