import { frontend, internal, rejected, route, table, web } from '@portolan/conformance/example-tables'
import {
  type Address,
  evaluate,
  frontendKey,
  type Packet,
  type RoutingTable,
  type Verdicts,
} from '@portolan/core'
import test from 'ava'
import { trace } from '../explain/trace.ts'

const outsideDropped: Verdicts = { ...internal, outside: { do: 'drop' } }
const routes = [
  route('shop/web:http', web, [
    frontend('ClusterIP', '10.96.0.10', 80, internal),
    frontend('LoadBalancer', '203.0.113.10', 80, outsideDropped, ['198.51.100.0/24']),
    frontend('NodePort', undefined, 30080, outsideDropped),
  ]),
  route('shop/none:http', [], [frontend('ClusterIP', '10.96.0.40', 80, rejected)]),
]
const nodeAddress = '192.0.2.11' as Address
const shop: RoutingTable = {
  ...table(routes, { nodePortAddresses: [nodeAddress] }),
  frontends: new Map(
    routes.flatMap((one) =>
      one.frontends.map(({ address, port }) => [frontendKey(address, one.protocol, port), one.key] as const),
    ),
  ),
}

interface Row {
  readonly claim: string
  readonly from: Pick<Packet, 'source' | 'sourceClass'>
  readonly to: readonly [string, number]
  /** Of the last lines. */
  readonly ends: readonly RegExp[]
}

const outside = { source: '198.51.100.7' as Address, sourceClass: 'outside' } as const
const rows: readonly Row[] = [
  {
    claim: 'the chain of a policy that leaves a packet alone is named before the table filter drops it',
    from: outside,
    to: ['203.0.113.10', 80],
    ends: [
      /^nat PORTOLAN-IP-\w+: -d 203\.0\.113\.10\/32 .* -g (PORTOLAN-S-\S+)$/,
      /^nat PORTOLAN-S-\S+: from outside: -j ACCEPT$/,
      /^filter FORWARD: by PORTOLAN-FORWARD to PORTOLAN-REFUSALS: 203\.0\.113\.10,tcp:80 in PORTOLAN-4-dropped: drop$/,
    ],
  },
  {
    claim: 'a NodePort is refused where packets for the node itself come in',
    from: outside,
    to: [nodeAddress, 30080],
    ends: [
      /^nat PORTOLAN-S-\S+: from outside: -j ACCEPT$/,
      /^filter INPUT: .* in PORTOLAN-4-dropped-nodeports: drop$/,
    ],
  },
  {
    claim: 'what the node itself asks for is refused on its way out',
    from: { source: nodeAddress, sourceClass: 'node' },
    to: ['10.96.0.40', 80],
    ends: [/-j ACCEPT$/, /^filter OUTPUT: .* in PORTOLAN-4-rejected: reject$/],
  },
]
for (const { claim, from, to, ends } of rows) {
  test(`a trace is complete: ${claim}`, (t) => {
    const [destination, port] = to
    const packet: Packet = { ...from, destination: destination as Address, protocol: 'TCP', port }
    const setting = {
      family: 'IPv4',
      podSource: shop.podSource,
      masqueradeBit: 14,
      comments: true,
      maxClientSets: 1000,
    } as const
    const lines = trace(evaluate(shop, packet), setting).slice(-ends.length)
    t.is(lines.length, ends.length)
    for (const [index, line] of lines.entries()) t.regex(line.text, ends[index]!)
  })
}
