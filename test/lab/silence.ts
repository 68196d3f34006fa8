import { setTimeout as sleep } from 'node:timers/promises'
import { monotonic } from './clock.ts'
import type {
  Complete,
  PingResult,
  ProbeRequest,
  ProbeResult,
  SilenceRequest,
  SilenceResult,
} from './host-calls.ts'
import { ping } from './ping.ts'
import { portCycle } from './port-cycle.ts'
import { probe } from './probe.ts'

/**
 * How long the first datagram of a marker is waited for, and the longest wait for a later one. One may be lost where
 * buffers are full; on a machine that is slow, more of them make it slower still.
 */
const markerMs = { first: 250, longest: 4000 }

/**
 * Sends a packet, and listens until markers that were sent after it have come back from everywhere that could have
 * answered it: silence that lasts so long is no answer that was late, however busy the machine is.
 */
export async function silence(request: Complete<SilenceRequest>): Promise<SilenceResult> {
  const { markers, from, minMs, timeoutMs } = request
  const since = monotonic()
  const enough = new AbortController()
  const answering: Promise<ProbeResult | PingResult> =
    'ping' in request
      ? ping({ address: request.ping, timeoutMs: timeoutMs + minMs }, enough.signal)
      : probe({ ...withOwnPort(request), timeoutMs: timeoutMs + minMs }, enough.signal)
  let broke = false
  answering
    .catch(() => {})
    .finally(() => {
      broke = !enough.signal.aborted
    })
  await sleep(minMs)
  const deadline = performance.now() + timeoutMs
  const missing = new Set(markers)
  // A server that answers the second marker has read all that came before the first.
  for (const _ of ['first', 'second'])
    await Promise.all(
      markers.map(async (to) => {
        missing.add(to)
        for (let waitMs = markerMs.first; !broke && performance.now() < deadline; waitMs *= 2) {
          const marker = {
            protocol: 'UDP',
            to,
            timeoutMs: Math.min(waitMs, markerMs.longest),
            ...(from === undefined ? {} : { from: { address: from.address } }),
          } as const
          if ((await probe(marker)).result !== 'answered') continue
          missing.delete(to)
          return
        }
      }),
    )
  // What has come to this host meanwhile is read before the socket is closed.
  await sleep(1)
  enough.abort()
  const answer = await answering
  if (answer.result !== 'timeout') return answer
  if (missing.size === 0)
    return {
      result: 'silence',
      since,
      ...('from' in answer && answer.from !== undefined ? { from: answer.from } : {}),
    }
  return { result: 'unknown', unanswered: [...missing] }
}

/**
 * A port of TCP from which nothing else on this host connects meanwhile. One that the kernel chose may be that of another
 * connection as well, to another address: where both lead to one server, that connection's packets are taken for these.
 */
function withOwnPort<Request extends Pick<ProbeRequest, 'protocol' | 'to' | 'from'>>(
  request: Request,
): Request {
  if (request.protocol !== 'TCP' || request.from?.port !== undefined) return request
  const anyAddress = request.to.address.includes(':') ? '::' : '0.0.0.0'
  return { ...request, from: { address: request.from?.address ?? anyAddress, port: nextPort() } }
}

/** Past the ports that the kernel chooses from (`ip_local_port_range`). */
const nextPort = portCycle(61_000)
