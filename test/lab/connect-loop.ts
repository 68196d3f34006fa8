import {
  type Complete,
  type ConnectLoopReport,
  type ConnectLoopRequest,
  type FirstPacket,
  type FirstPacketRequest,
  now,
  type Outage,
  type ProbeResult,
} from './host-calls.ts'
import { probe } from './probe.ts'

/** New connections, one after the other and overlapping, until told to stop. */
export interface ConnectLoop {
  /** Starts no more, waits for those under way, and tells how all went. */
  stop(): Promise<ConnectLoopReport>
}

const maxAtOnce = 500

/** Linux sends a SYN again after a second; a client that is refused later than that wasn't refused at once. */
const synAgainMs = 1000

interface Try {
  readonly startedAt: number
  /** Its first packet was. */
  isLost: boolean
  isAnswered: boolean
}

/** Times in which the loop should have run and didn't: the machine was busy with something else. */
class Stalls {
  readonly #everyMs: number
  readonly #list: { readonly from: number; readonly to: number }[] = []
  #last = now()

  constructor(everyMs: number) {
    this.#everyMs = everyMs
  }

  tick(at: number): void {
    const due = this.#last + this.#everyMs
    if (at - due > Math.max(50, this.#everyMs)) this.#list.push({ from: due, to: at })
    this.#last = at
  }

  get longestMs(): number {
    return this.#list.reduce((longest, { from, to }) => Math.max(longest, to - from), 0)
  }

  /** How much of a time they took. */
  within(from: number, to: number): number {
    return this.#list.reduce(
      (sum, stall) => sum + Math.max(0, Math.min(to, stall.to) - Math.max(from, stall.from)),
      0,
    )
  }
}

function longestOutage(tries: readonly Try[], begun: number, stalls: Stalls): Outage | undefined {
  let longest: Outage | undefined
  for (let index = 0; index < tries.length; index++) {
    const first = tries[index]
    if (first === undefined || !first.isLost) continue
    let last = index
    while (tries[last + 1]?.isLost === true) last += 1
    const until = (tries[last + 1] ?? tries[last] ?? first).startedAt
    const milliseconds = until - first.startedAt - stalls.within(first.startedAt, until)
    if (longest === undefined || milliseconds > longest.milliseconds)
      longest = { afterMs: first.startedAt - begun, milliseconds, attempts: last - index + 1 }
    index = last
  }
  return longest
}

export function startConnectLoop(request: Complete<ConnectLoopRequest>): ConnectLoop {
  const { protocol = 'TCP', to, from, everyMs, timeoutMs } = request
  const results: Record<ProbeResult['result'], number> = {
    answered: 0,
    refused: 0,
    timeout: 0,
    unreachable: 0,
    reset: 0,
  }
  const servers: Record<string, number> = {}
  const unanswered: { startedAt: number; result: string }[] = []
  const underWay = new Set<Promise<void>>()
  const stalls = new Stalls(everyMs)
  const tries: Try[] = []
  const begun = now()
  let attempts = 0

  const attempt = async () => {
    const startedAt = now()
    const one: Try = { startedAt, isLost: false, isAnswered: false }
    tries.push(one)
    const outcome = await probe({ protocol, to, timeoutMs, ...(from === undefined ? {} : { from }) })
    one.isLost =
      outcome.result === 'timeout' ||
      (protocol === 'TCP' && outcome.result === 'refused' && outcome.milliseconds >= synAgainMs) ||
      ('firstPacketLost' in outcome && outcome.firstPacketLost === true)
    results[outcome.result] += 1
    if (outcome.result === 'answered') {
      one.isAnswered = true
      const server = `${outcome.host} ${outcome.address}|${outcome.port}`
      servers[server] = (servers[server] ?? 0) + 1
    } else if (results[outcome.result] <= 10) {
      unanswered.push({ startedAt, result: outcome.result })
    }
  }
  const startOne = () => {
    if (underWay.size >= maxAtOnce) return
    attempts += 1
    const running = attempt().finally(() => underWay.delete(running))
    underWay.add(running)
  }
  startOne()
  const timer = setInterval(() => {
    stalls.tick(now())
    startOne()
  }, everyMs)

  return {
    async stop() {
      clearInterval(timer)
      await Promise.all(underWay)
      return {
        attempts,
        results,
        lost: tries.filter(({ isLost, isAnswered }) => isLost || !isAnswered).length,
        servers,
        unanswered,
        outage: longestOutage(tries, begun, stalls),
        longestStallMs: stalls.longestMs,
      }
    },
  }
}

/**
 * How long until a new connection to a destination reaches a certain server. An attempt follows the one before it as
 * soon as that is answered, and starts anyway after a millisecond, so the answer is good to a millisecond.
 *
 * @throws when it never came to that server in time
 */
export function firstPacketAt(request: Complete<FirstPacketRequest>): Promise<FirstPacket> {
  const { to, expected, from, timeoutMs, attemptTimeoutMs } = request
  return new Promise((resolve, reject) => {
    const started = now()
    let attempts = 0
    let underWay = 0
    let done = false
    const finish = (give: () => void) => {
      done = true
      clearInterval(ticker)
      clearTimeout(timer)
      give()
    }
    const attempt = async () => {
      attempts += 1
      underWay += 1
      const outcome = await probe({
        protocol: 'TCP',
        to,
        timeoutMs: attemptTimeoutMs,
        ...(from === undefined ? {} : { from }),
      })
      const at = now()
      underWay -= 1
      if (done) return
      const reached =
        outcome.result === 'answered' &&
        outcome.address === expected.address &&
        outcome.port === expected.port
      if (reached) return finish(() => resolve({ at, milliseconds: at - started, attempts }))
      if (underWay === 0) startOne()
    }
    const startOne = () => {
      attempt().catch((error) => finish(() => reject(error)))
    }
    const ticker = setInterval(() => {
      if (underWay < maxAtOnce) startOne()
    }, 1)
    const timer = setTimeout(
      () =>
        finish(() =>
          reject(
            new Error(
              `no connection to ${to.address} port ${to.port} reached ${expected.address} port ${expected.port} in ${timeoutMs} ms`,
            ),
          ),
        ),
      timeoutMs,
    )
    startOne()
  })
}
