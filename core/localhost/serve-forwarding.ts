import type { MessagePort } from 'node:worker_threads'
import { type IpFamily, ipFamilies } from '../network/address.ts'
import { readOpenFileLimit, shareFiles } from '../node/open-files.ts'
import type { ForwardingCounts, ForwardingNotice, ForwardingRequest } from './forwarding-messages.ts'
import { LocalhostForwarder } from './localhost-forwarder.ts'
import { relayLimits } from './relay-limits.ts'

/** Milliseconds between two tellings of the counts, where they have changed. */
const countsPeriod = 1000

/** Milliseconds between two tellings of what a client may make happen as often as it likes. */
const failurePeriod = 60_000

/** Forwards as it is told by messages, and tells what happens; in the thread, and the network namespace, that calls it. */
export function serveForwarding(port: MessagePort): void {
  const tell = (notice: ForwardingNotice): void => port.postMessage(notice)
  const shares = shareFiles(readOpenFileLimit())
  const totals = { refused: 0, unreachable: 0 }
  const listenFailures: Record<IpFamily, number> = { IPv4: 0, IPv6: 0 }
  const [isFullDue, isUnreachableDue] = [nowAndThen(), nowAndThen()]
  const forwarder = new LocalhostForwarder({
    limits: relayLimits(shares.relays),
    maxListeners: shares.nodePorts,
    observer: (family) => {
      const notice = (
        what: 'unavailable' | 'available' | 'full' | 'unreachable',
        { port: number, name }: { readonly port: number; readonly name: string },
        error?: NodeJS.ErrnoException,
      ): void =>
        tell({ tell: what, family, at: { port: number, name }, reason: error?.code ?? error?.message ?? '' })
      return {
        onPortUnavailable: (at, error) => notice('unavailable', at, error),
        onPortAvailable: (at) => notice('available', at),
        onListenFailed: () => {
          listenFailures[family]++
        },
        onFull: (at) => {
          totals.refused++
          if (isFullDue()) notice('full', at)
        },
        onUnreachable: (at, error) => {
          totals.unreachable++
          if (isUnreachableDue()) notice('unreachable', at, error)
        },
      }
    },
  })
  let told = ''
  const counting = setInterval(() => {
    const [IPv4 = 0, IPv6 = 0] = ipFamilies.map((family) => forwarder.listening(family))
    const listening = { IPv4, IPv6 }
    const counts: ForwardingCounts = {
      listening,
      listenFailures: { ...listenFailures },
      connections: forwarder.connections,
      ...totals,
    }
    const text = JSON.stringify(counts)
    if (text === told) return
    told = text
    tell({ tell: 'counts', counts })
  }, countsPeriod)
  port.on('message', (request: ForwardingRequest) => {
    if (request.do === 'change') {
      forwarder.change(request.family, request.change)
      return
    }
    clearInterval(counting)
    forwarder.close()
    port.close()
  })
}

/** Whether it is time again. */
function nowAndThen(): () => boolean {
  let last = Number.NEGATIVE_INFINITY
  return () => {
    const now = performance.now()
    if (now - last < failurePeriod) return false
    last = now
    return true
  }
}
