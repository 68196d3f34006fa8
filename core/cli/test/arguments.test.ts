import test from 'ava'
import { parseDuration } from '../../config/duration.ts'
import { DataplaneLoadError } from '../../dataplane/load-dataplane.ts'
import { parseAddress, parseCidr } from '../../network/address.ts'
import { emptyTable } from '../../table/diff.ts'
import type { PodSource, RoutingTable } from '../../table/routing-table.ts'
import { chooseNode } from '../choose-node.ts'
import { parseDestination } from '../destination.ts'
import { reportError } from '../error-report.ts'
import { packetSource, parseClient } from '../packet-source.ts'
import { UserError } from '../user-error.ts'

const address = (text: string) => parseAddress(text)!

const destinations: readonly [string, object][] = [
  ['10.96.0.10:80/TCP', { address: '10.96.0.10', port: 80, protocol: 'TCP' }],
  ['10.96.0.10:80', { address: '10.96.0.10', port: 80, protocol: 'TCP' }],
  ['010.96.0.10:80/udp', { address: '10.96.0.10', port: 80, protocol: 'UDP' }],
  ['[FD00::0:1]:65535/Sctp', { address: 'fd00::1', port: 65_535, protocol: 'SCTP' }],
  ['node:30080', { port: 30_080, protocol: 'TCP' }],
  ['Node:1/UDP', { port: 1, protocol: 'UDP' }],
]
for (const [text, expected] of destinations) {
  test(`destination ${text} is understood`, (t) => {
    t.deepEqual(parseDestination(text) as object, expected)
  })
}

const notDestinations: readonly [string, RegExp][] = [
  ['', /not a destination/],
  ['web:80', /'web' is not an IP address/],
  ['10.96.0.10', /not a destination/],
  ['10.96.0.10:0', /1 to 65535/],
  ['10.96.0.10:65536', /1 to 65535/],
  ['10.96.0.10:http', /not a destination/],
  ['10.96.0.10:80/icmp', /unknown protocol 'icmp'/],
  ['10.96.0.10:80/TCP/x', /not a destination/],
  ['fd00::1:80', /needs brackets/],
  ['[10.96.0.10]:80', /'10.96.0.10' is not an IP address/],
  ['[node]:80', /'node' is not an IP address/],
]
for (const [text, message] of notDestinations) {
  test(`destination '${text}' is refused`, (t) => {
    const error = t.throws(() => parseDestination(text), { instanceOf: UserError, message })
    t.is(error.exitCode, 2)
  })
}

const durations: readonly [string, number | undefined][] = [
  ['0', 0],
  ['0s', 0],
  ['250ms', 250],
  ['1.5s', 1500],
  ['1m30s', 90_000],
  ['1h', 3_600_000],
  ['', undefined],
  ['5', undefined],
  ['-1s', undefined],
  ['1d', undefined],
  ['1s ', undefined],
]
for (const [text, expected] of durations) {
  test(`duration '${text}' is ${expected ?? 'none'}`, (t) => {
    t.is(parseDuration(text), expected)
  })
}

const choices: readonly [string, string | undefined, readonly string[], string | RegExp][] = [
  ['the named Node', ' Node-B ', ['node-a', 'node-b'], 'node-b'],
  ['the only Node', undefined, ['node-a'], 'node-a'],
  ['the Node called like this machine', undefined, ['node-a', 'machine'], 'machine'],
  ["this machine's name in a file without Nodes", undefined, [], 'machine'],
  ['any name in a file without Nodes', 'x', [], 'x'],
  ['no Node of several that are others', undefined, ['node-a', 'node-b'], /2 Nodes/],
  ['no Node that the file does not have', 'x', ['node-a'], /no Node 'x'/],
]
for (const [claim, named, nodes, expected] of choices) {
  test(`chooses ${claim}`, (t) => {
    const choose = () => chooseNode(named, nodes, 'Machine')
    if (typeof expected === 'string') t.is(choose(), expected)
    else t.throws(choose, { instanceOf: UserError, message: expected })
  })
}

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

test('an error that the operator can fix has no stack, a defect has', (t) => {
  t.deepEqual(reportError(new UserError('no such thing', { fix: 'make one' })), {
    lines: ['portolan: no such thing', '  fix: make one'],
    exitCode: 1,
  })
  const load = new DataplaneLoadError('DATAPLANE_SETTING_INVALID', 'unknown option speed', 'see the help')
  t.is(reportError(load).exitCode, 2)
  const { lines } = reportError(new TypeError('x is undefined'))
  t.regex(lines.join('\n'), /TypeError: x is undefined\n.* at [\s\S]*please report it/)
})
