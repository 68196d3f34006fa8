import test from 'ava'
import type { NodeRecord } from '../../../cluster/records.ts'
import type { NodePortPolicy } from '../node-addresses.ts'
import { TableBuilder, type TableBuilderOptions } from '../table-builder.ts'
import {
  address,
  cidr,
  exampleEndpoint,
  examplePort,
  exampleService,
  exampleSlice,
} from './example-records.ts'

const mine = address('192.0.2.11')
const other = address('192.0.2.12')
const gone = address('192.0.2.99')

const node = (fields: Partial<NodeRecord> = {}): NodeRecord => ({
  ...{ kind: 'Node', key: 'here', zone: '', addresses: [mine], podCidrs: [] },
  ...fields,
})

/** A builder of a new process, on a node that has two addresses. */
function started(options: Partial<TableBuilderOptions> = {}): TableBuilder {
  const builder = new TableBuilder({
    family: 'IPv4',
    nodeName: 'here',
    podSource: { by: 'none' },
    ...options,
  })
  builder.setLocalAddresses(new Set([mine, other, address('127.0.0.1')]))
  builder.drain()
  return builder
}

const observed = { nodePortAddresses: [mine, gone], serviceCidrs: ['10.96.0.0/16'] }

function adopted(builder: TableBuilder): { readonly nodePorts: string[]; readonly ranges: string[] } {
  builder.adoptSets(() => observed)
  builder.drain()
  return { nodePorts: [...builder.table.nodePortAddresses], ranges: [...builder.table.serviceCidrs] }
}

test('without a Node object, NodePorts stay at those addresses of the kernel that the machine still has', (t) => {
  const builder = started()
  t.deepEqual(builder.unknownSets, ['nodePortAddresses'])
  t.deepEqual(adopted(builder), { nodePorts: [mine], ranges: [] })
})

test('a Node object that says where NodePorts answer ends that, and its change is exact', (t) => {
  const builder = started()
  adopted(builder)
  builder.setNode(node({ addresses: [other] }))
  const touched = builder.drain()
  t.deepEqual([...builder.table.nodePortAddresses], [other])
  t.deepEqual([...touched.sets.nodePortAddresses].sort(), [mine, other])
  t.deepEqual(builder.unknownSets, [])
})

test('a Node object that has no address yet says nothing, at a start and later', (t) => {
  const builder = started()
  builder.setNode(node({ addresses: [] }))
  t.deepEqual(adopted(builder).nodePorts, [mine])
  builder.setNode(node({ zone: 'a' }))
  builder.setNode(node({ addresses: [] }))
  builder.drain()
  t.deepEqual([...builder.table.nodePortAddresses], [mine])
})

test('without a Node object, NodePorts answer in the ranges beside its address as well', (t) => {
  const builder = started({
    nodePortAddresses: ['primary', cidr('127.0.0.0/8')],
    localhostNodePorts: true,
  })
  t.deepEqual(adopted(builder).nodePorts.sort(), ['127.0.0.1', mine])
  builder.setNode(node({ addresses: [other] }))
  builder.drain()
  t.deepEqual([...builder.table.nodePortAddresses].sort(), ['127.0.0.1', other])
})

test('a Node object that is made again and not filled in yet leaves the zone as it was', (t) => {
  const builder = started()
  const hinted = (text: string, zone: string) => exampleEndpoint(text, { zoneHints: [zone] })
  builder.setService(exampleService())
  builder.setSlice(exampleSlice([hinted('10.1.0.1', 'a'), hinted('10.1.0.2', 'b')]))
  builder.setNode(node({ zone: 'b' }))
  builder.setNode(node({ addresses: [] }))
  builder.drain()
  const [route] = builder.table.routes.values()
  t.deepEqual(
    route?.endpoints.cluster.map((one) => one.address),
    [address('10.1.0.2')],
  )
})

const known: readonly [string, Partial<TableBuilderOptions>, string[]][] = [
  ['--bind-address', { nodeAddress: other }, [other]],
  [
    'ranges that need no Node object',
    { nodePortAddresses: [cidr('192.0.2.12/32')] as NodePortPolicy },
    [other],
  ],
]
for (const [what, options, nodePorts] of known) {
  test(`with ${what} nothing is unknown, so nothing is taken from the kernel`, (t) => {
    const builder = started(options)
    t.deepEqual(builder.unknownSets, [])
    t.deepEqual(adopted(builder), { nodePorts, ranges: [] })
  })
}

test('a Node object without an address of this family is known to have none', (t) => {
  const builder = started()
  builder.setNode(node({ addresses: [address('2001:db8::1')] }))
  t.deepEqual(adopted(builder).nodePorts, [])
})

test('the node itself stays within the source ranges that it was in', (t) => {
  const builder = started()
  const ranges = { sourceRanges: [cidr('192.0.2.0/24')], loadBalancerIPs: [address('203.0.113.1')] }
  builder.setService(exampleService({ ...ranges, ports: [{ ...examplePort, nodePort: 30080 }] }))
  builder.drain()
  const allowed = () =>
    [...builder.table.routes.values()].flatMap(({ frontends }) =>
      frontends.flatMap(({ allowedSources = [] }) => allowedSources),
    )
  builder.adoptSets(() => ({ ...observed, nodePortAddresses: [mine] }))
  builder.drain()
  const unknown = allowed()
  builder.setNode(node())
  builder.drain()
  t.deepEqual(unknown, allowed())
})

test('ServiceCIDRs that cannot be read stay as the kernel has them, until they can', (t) => {
  const builder = started()
  builder.setServiceCidrsReadable(false)
  t.true(builder.unknownSets.includes('serviceCidrs'))
  t.deepEqual(adopted(builder).ranges, ['10.96.0.0/16'])
  builder.setServiceCidr({ kind: 'ServiceCIDR', key: 'kubernetes', cidrs: [cidr('10.96.0.0/12')] })
  builder.setServiceCidrsReadable(true)
  builder.drain()
  t.deepEqual([...builder.table.serviceCidrs], ['10.96.0.0/12'])
})

test('ServiceCIDRs that can be read and are none are none', (t) => {
  const builder = started()
  t.deepEqual(adopted(builder).ranges, [])
})

test('what a dataplane says it holds and is no address is left out', (t) => {
  const builder = started()
  builder.setServiceCidrsReadable(false)
  builder.adoptSets(() => ({
    nodePortAddresses: ['nonsense', mine],
    serviceCidrs: ['10.96.0.0', '10.0.0.0/8'],
  }))
  builder.drain()
  t.deepEqual([...builder.table.nodePortAddresses], [mine])
  t.deepEqual([...builder.table.serviceCidrs], ['10.0.0.0/8'])
})
