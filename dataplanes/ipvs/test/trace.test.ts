import { everything } from '@portolan/conformance/example-tables'
import { type Address, evaluate, frontendKey, type Packet, type RoutingTable } from '@portolan/core'
import test from 'ava'
import { trace } from '../explain/trace.ts'
import { parsedSettings } from './parsed-settings.ts'

const table = everything()
const shop: RoutingTable = {
  ...table,
  frontends: new Map(
    [...table.routes.values()].flatMap((one) =>
      one.frontends.map(({ address, port }) => [frontendKey(address, one.protocol, port), one.key] as const),
    ),
  ),
}
const [clusterIP] = [...table.routes.values()].flatMap(({ frontends, protocol }) =>
  frontends
    .filter(({ kind, verdicts }) => kind === 'ClusterIP' && verdicts.outside.do === 'balance')
    .map(({ address, port }) => ({ destination: address as Address, protocol, port })),
)

const rows: readonly [Packet['sourceClass'], readonly RegExp[], RegExp | undefined][] = [
  [
    'outside',
    [
      /^nat PREROUTING: .* in PORTOLAN-IPVS-MASQ-OUTSIDE: marked for masquerade$/,
      /^nat POSTROUTING: marked: masquerade$/,
    ],
    undefined,
  ],
  ['node', [/^nat POSTROUTING: from an address of this node: masquerade$/], /PREROUTING/],
  ['pod', [/ in PORTOLAN-IPVS-SERVED: routed to this node$/, /^IPVS: virtual server /], /masquerade/],
]
for (const [sourceClass = 'outside', lines, never] of rows) {
  test(`a trace of ${sourceClass} at a ClusterIP tells which rule marks it for masquerade, if any`, (t) => {
    const packet = { ...clusterIP!, source: '198.51.100.7' as Address, sourceClass }
    const setting = {
      family: 'IPv4',
      podSource: shop.podSource,
      masqueradeBit: 14,
      routeMarkBit: 15,
    } as const
    const steps = trace(shop, evaluate(shop, packet), parsedSettings({}, 14), setting)
    const told = steps.map(({ text }) => text)
    for (const line of lines)
      t.true(
        told.some((one) => line.test(one)),
        `${line}: ${told.join('; ')}`,
      )
    if (never !== undefined)
      t.false(
        told.some((one) => never.test(one)),
        told.join('; '),
      )
  })
}
