import {
  type Complete,
  type ConnectLoopReport,
  type ConnectLoopRequest,
  type FirstPacket,
  type FirstPacketRequest,
  now,
  type ProbeResult,
} from './host-calls.ts'
import { probe } from './probe.ts'

/** New connections, one after the other and overlapping, until told to stop. */
export interface ConnectLoop {
  /** Starts no more, waits for those under way, and tells how all went. */
  stop(): Promise<ConnectLoopReport>
}

const mostAtOnce = 500

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
  let attempts = 0

  const attempt = async () => {
    const startedAt = now()
    const outcome = await probe({ protocol, to, timeoutMs, ...(from === undefined ? {} : { from }) })
    results[outcome.result] += 1
    if (outcome.result === 'answered') {
      const server = `${outcome.host} ${outcome.address}|${outcome.port}`
      servers[server] = (servers[server] ?? 0) + 1
    } else if (unanswered.length < 10) {
      unanswered.push({ startedAt, result: outcome.result })
    }
  }
  const timer = setInterval(() => {
    if (underWay.size >= mostAtOnce) return
    attempts += 1
    const running = attempt().finally(() => underWay.delete(running))
    underWay.add(running)
  }, everyMs)

  return {
    async stop() {
      clearInterval(timer)
      await Promise.all(underWay)
      return { attempts, results, servers, unanswered }
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
      if (underWay < mostAtOnce) startOne()
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
