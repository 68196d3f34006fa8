import type { Host, Lab, ProbeResult, SocketAddress } from '@portolan/lab'
import { destinations, pods, targetPort } from './sample-cluster.ts'
import { row } from './screen.ts'

const { web, webNodePort, checkout, cart, search } = destinations

/** A connection that the demo makes, and what must come of it. */
interface Connection {
  readonly from: 'pod' | 'node' | 'outside'
  readonly to: SocketAddress
  readonly what: string
  /** Addresses of the pods that may answer; none: refused. */
  readonly servers: readonly string[]
}

const webPods = [pods.local0.address, pods.remote0.address]
const sources = ['pod', 'node', 'outside'] as const

const connections: readonly Connection[] = [
  ...sources.map((from): Connection => ({ from, to: web, what: 'web, ClusterIP', servers: webPods })),
  ...sources.map((from): Connection => ({ from, to: webNodePort, what: 'web, NodePort', servers: webPods })),
  ...sources.map(
    (from): Connection => ({
      from,
      to: checkout,
      what: from === 'outside' ? 'checkout, LB, Local: this node only' : 'checkout, LB, Local',
      servers: from === 'outside' ? [pods.local1.address] : [pods.local1.address, pods.remote1.address],
    }),
  ),
  ...sources.map((from): Connection => ({ from, to: search, what: 'search, no endpoints', servers: [] })),
]

const widths = [8, 20, 36, 10, 16, 14]

/** Opens every connection for real and prints who answered. Returns how many did not end as they must. */
export async function showConnections(lab: Lab): Promise<number> {
  row(['from', 'to', 'Service', 'result', 'endpoint', 'client seen as'], widths)
  let wrong = 0
  for (const { from, to, what, servers } of connections) {
    const result = await hostOf(lab, from).probe({ protocol: 'TCP', to, timeoutMs: 10_000 })
    const good = servers.length === 0 ? result.result === 'refused' : isFrom(result, servers)
    if (!good) wrong++
    row([from, text(to), what, ...outcome(result)], widths, good)
  }
  return wrong + (await showAffinity(lab))
}

/** One client asks again and again: session affinity lets one endpoint answer all. */
async function showAffinity(lab: Lab): Promise<number> {
  const results: ProbeResult[] = []
  for (let count = 0; count < 8; count++) {
    results.push(await hostOf(lab, 'pod').probe({ protocol: 'TCP', to: cart, timeoutMs: 10_000 }))
  }
  const servers = new Set(
    results.map((result) => (result.result === 'answered' ? result.address : result.result)),
  )
  const [first] = results
  const good = servers.size === 1 && first?.result === 'answered'
  const columns = first === undefined ? [] : outcome(first)
  row(['pod', text(cart), 'cart, affinity: 8 of 8 at the same', ...columns], widths, good)
  return good ? 0 : 1
}

export function hostOf(lab: Lab, from: Connection['from']): Host {
  const [pod] = lab.pods
  if (pod === undefined) throw new Error('the lab has no pod')
  return from === 'pod' ? pod : lab[from]
}

function isFrom(result: ProbeResult, servers: readonly string[]): boolean {
  return result.result === 'answered' && servers.includes(result.address) && result.port === targetPort
}

function outcome(result: ProbeResult): string[] {
  if (result.result !== 'answered') return [result.result, '-', '-']
  return ['answered', text(result), result.seen.address]
}

function text({ address, port }: SocketAddress): string {
  return `${address}:${port}`
}
