import test from 'ava'
import { parseAddress, parseCidr } from '../../network/address.ts'
import { emptyTable } from '../../table/diff.ts'
import type { PodSource, RoutingTable } from '../../table/routing-table.ts'
import { packetSource, parseClient } from '../packet-source.ts'

const address = (text: string) => parseAddress(text)!

function tableWith(podSource: PodSource, hairpins: readonly string[] = []): RoutingTable {
  return {
    ...emptyTable('IPv4', podSource),
    localAddresses: new Set([address('192.0.2.11')]),
    hairpinAddresses: new Set(hairpins.map(address)),
    serviceCidrs: new Set([parseCidr('203.0.113.0/24')!]),
  }
}
const byCidr: PodSource = { by: 'cidr', cidr: parseCidr('10.244.0.0/16')! }
const node = {
  kind: 'Node',
  key: 'a',
  zone: '',
  addresses: [],
  podCidrs: [parseCidr('10.244.1.0/24')!],
} as const

const clients: readonly [string, string, RoutingTable, object][] = [
  [
    "pod: an address of the node's range",
    'pod',
    tableWith(byCidr),
    { source: '10.244.1.254', sourceClass: 'pod' },
  ],
  [
    'pod: known by its interface',
    'POD',
    tableWith({ by: 'interfacePrefix', prefix: 'veth' }),
    { source: '10.244.1.254', sourceClass: 'pod', inputInterface: 'veth0' },
  ],
  [
    'pod: outside, where pods cannot be told',
    'pod',
    tableWith({ by: 'none' }),
    { source: '10.244.1.254', sourceClass: 'outside' },
  ],
  ['node: its own address', 'node', tableWith(byCidr), { source: '192.0.2.11', sourceClass: 'node' }],
  [
    'outside: an address that no Service or pod has',
    'outside',
    tableWith(byCidr),
    { source: '198.51.100.254', sourceClass: 'outside' },
  ],
  ['an IP is left to the table', '198.51.100.9', tableWith(byCidr), { source: '198.51.100.9' }],
  [
    'the IP of a local endpoint is a pod on its interface',
    '10.9.9.9',
    tableWith({ by: 'interface', name: 'cbr0' }, ['10.9.9.9']),
    { source: '10.9.9.9', sourceClass: 'pod', inputInterface: 'cbr0' },
  ],
]
for (const [claim, text, table, expected] of clients) {
  test(`source ${claim}`, (t) => {
    t.deepEqual(packetSource(parseClient(text), table, node).packet as object, expected)
  })
}

test('a local pod outside the configured range is told to be no pod', (t) => {
  const { packet, note } = packetSource(parseClient('10.9.9.9'), tableWith(byCidr, ['10.9.9.9']), node)
  t.is(packet.sourceClass, 'outside')
  t.regex(note?.text ?? '', /10\.9\.9\.9 is not in the pods' range 10\.244\.0\.0\/16/)
  t.regex(note?.fix ?? '', /--cluster-cidr/)
})
