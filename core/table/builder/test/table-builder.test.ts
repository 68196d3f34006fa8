import test from 'ava'
import type { ObjectProblem, ServiceRecord } from '../../../cluster/records.ts'
import { AppliedTable, isEmptyChange } from '../../diff.ts'
import { type FrontendKey, frontendKey, type RouteKey } from '../../service-route.ts'
import { TableBuilder, type TableBuilderOptions } from '../table-builder.ts'
import { address, cidr, exampleEndpoint, exampleService, exampleSlice } from './example-records.ts'

function newBuilder(options: Partial<TableBuilderOptions> = {}): TableBuilder {
  return new TableBuilder({
    family: 'IPv4',
    nodeName: 'here',
    podSource: { by: 'cidr', cidr: cidr('10.1.0.0/16') },
    ...options,
  })
}

const node = (zone: string, ...addresses: string[]) =>
  ({ kind: 'Node', key: 'here', zone, addresses: addresses.map(address), podCidrs: [] }) as const
const key = (text: string) => text as RouteKey
const web = key('default/web:/TCP')

test('a route is named for people and keyed by Service, port name and protocol', (t) => {
  const builder = newBuilder()
  builder.setService(
    exampleService({
      ports: [
        { name: 'http', protocol: 'TCP', port: 80, nodePort: 0 },
        { name: 'http', protocol: 'UDP', port: 80, nodePort: 0 },
      ],
    }),
  )
  builder.drain()
  t.deepEqual([...builder.table.routes.keys()], ['default/web:http/TCP', 'default/web:http/UDP'] as never)
  t.is(builder.table.routes.get(key('default/web:http/TCP'))?.name, 'default/web:http')
})

test('the table stands still between two drains', (t) => {
  const builder = newBuilder()
  builder.setService(exampleService())
  builder.setNode(node('', '192.168.0.2'))
  builder.setServiceCidr({ kind: 'ServiceCIDR', key: 'k', cidrs: [cidr('10.96.0.0/16')] })
  t.true(builder.isPending)
  const { routes, frontends, clusterIPs, localAddresses, serviceCidrs } = builder.table
  t.deepEqual(
    [routes, frontends, clusterIPs, localAddresses, serviceCidrs].map((part) => part.size),
    [0, 0, 0, 0, 0],
  )
  builder.drain()
  t.false(builder.isPending)
  t.deepEqual(
    [routes, frontends, clusterIPs, localAddresses, serviceCidrs].map((part) => part.size),
    [1, 1, 1, 1, 1],
  )
})

test('a slice that comes before its Service, or stays when it is made again, serves it', (t) => {
  const builder = newBuilder()
  builder.setSlice(exampleSlice([exampleEndpoint('10.1.0.1')]))
  builder.drain()
  for (const _ of [1, 2]) {
    builder.setService(exampleService())
    builder.drain()
    t.is(builder.table.routes.get(web)?.endpoints.cluster.length, 1)
    builder.removeService('default/web')
    builder.drain()
    t.is(builder.table.routes.size, 0)
  }
})

test('an update that says the same touches nothing', (t) => {
  const builder = newBuilder()
  builder.setService(
    exampleService({ sourceRanges: [cidr('10.0.0.0/8')], loadBalancerIPs: [address('5.5.5.5')] }),
  )
  builder.setSlice(exampleSlice([exampleEndpoint('10.1.0.1')]))
  builder.drain()
  const route = builder.table.routes.get(web)
  builder.setService(
    exampleService({ sourceRanges: [cidr('10.0.0.0/8')], loadBalancerIPs: [address('5.5.5.5')] }),
  )
  builder.setSlice(exampleSlice([exampleEndpoint('10.1.0.1')]))
  t.is(builder.drain().routes.size, 0)
  t.is(builder.table.routes.get(web), route)
})

test('a change of one endpoint keeps the others in their places and shares the frontends', (t) => {
  const builder = newBuilder()
  const slice = (...lasts: number[]) => exampleSlice(lasts.map((last) => exampleEndpoint(`10.1.0.${last}`)))
  builder.setService(exampleService())
  builder.setSlice(slice(1, 2, 3))
  builder.drain()
  const before = builder.table.routes.get(web)
  builder.setSlice(slice(1, 9, 3))
  t.deepEqual([...builder.drain().routes], [web])
  const after = builder.table.routes.get(web)
  t.deepEqual(
    after?.endpoints.cluster.map((one) => one.address),
    ['10.1.0.1', '10.1.0.9', '10.1.0.3'] as never,
  )
  t.is(after?.frontends, before?.frontends)
  t.is(after?.endpoints.cluster[0], before?.endpoints.cluster[0])
})

test('a change that is undone before it is applied vanishes', (t) => {
  const builder = newBuilder()
  builder.setService(exampleService())
  builder.setSlice(exampleSlice([exampleEndpoint('10.1.0.1')]))
  const applied = new AppliedTable(builder.table)
  applied.advance(applied.difference(builder.table, builder.drain()))
  builder.setSlice(exampleSlice([]))
  builder.drain()
  builder.setSlice(exampleSlice([exampleEndpoint('10.1.0.1')]))
  t.true(isEmptyChange(applied.difference(builder.table, builder.drain())))
})

test('a slice that moves to another Service takes its endpoints along', (t) => {
  const builder = newBuilder()
  builder.setService(exampleService())
  builder.setService(exampleService({ key: 'default/api', clusterIPs: [address('10.96.0.2')] }))
  builder.setSlice(exampleSlice([exampleEndpoint('10.1.0.1')]))
  builder.drain()
  builder.setSlice(exampleSlice([exampleEndpoint('10.1.0.1')], { serviceKey: 'default/api' }))
  builder.drain()
  t.is(builder.table.routes.get(web)?.endpoints.cluster.length, 0)
  t.is(builder.table.routes.get(key('default/api:/TCP'))?.endpoints.cluster.length, 1)
})

test('another zone chooses again for all Services', (t) => {
  const builder = newBuilder()
  builder.setService(exampleService())
  builder.setSlice(
    exampleSlice([
      exampleEndpoint('10.1.0.1', { zoneHints: ['a'] }),
      exampleEndpoint('10.1.0.2', { zoneHints: ['b'] }),
    ]),
  )
  const chosen = () => builder.table.routes.get(web)?.endpoints.cluster.map((one) => one.address as string)
  builder.drain()
  t.deepEqual(chosen(), ['10.1.0.1', '10.1.0.2'])
  builder.setNode(node('b', '192.168.0.2'))
  builder.drain()
  t.deepEqual(chosen(), ['10.1.0.2'])
  builder.setNode({ ...node('a'), key: 'another' })
  builder.drain()
  t.deepEqual(chosen(), ['10.1.0.2'])
})

test('a Service without an address in the family does not exist in it', (t) => {
  const builder = newBuilder({ family: 'IPv6' })
  builder.setService(
    exampleService({
      externalIPs: [address('2001:db8::1')],
      ports: [{ name: '', protocol: 'TCP', port: 80, nodePort: 30080 }],
    }),
  )
  builder.drain()
  t.is(builder.table.routes.size, 0)
  builder.setService(
    exampleService({
      clusterIPs: [address('10.96.0.1'), address('fd00::1')],
      externalIPs: [address('1.1.1.1')],
    }),
  )
  builder.drain()
  t.deepEqual(
    builder.table.routes.get(web)?.frontends.map((one) => one.address),
    ['fd00::1'] as never,
  )
})

test('switching affinity on and off changes the route', (t) => {
  const builder = newBuilder()
  builder.setService(exampleService({ affinitySeconds: 60 }))
  builder.drain()
  t.is(builder.table.routes.get(web)?.affinitySeconds, 60)
  builder.setService(exampleService())
  t.deepEqual([...builder.drain().routes], [web])
  t.false('affinitySeconds' in builder.table.routes.get(web)!)
})

test('a ClusterIP is active for as long as any Service has it, a range as long as any ServiceCIDR', (t) => {
  const builder = newBuilder()
  builder.setService(exampleService())
  builder.setService(exampleService({ key: 'default/twin', ports: [] }))
  builder.setServiceCidr({ kind: 'ServiceCIDR', key: 'a', cidrs: [cidr('10.96.0.0/16')] })
  builder.setServiceCidr({ kind: 'ServiceCIDR', key: 'b', cidrs: [cidr('10.96.0.0/16')] })
  builder.drain()
  builder.removeService('default/web')
  builder.removeServiceCidr('a')
  builder.drain()
  t.deepEqual([builder.table.clusterIPs.size, builder.table.serviceCidrs.size], [1, 1])
  builder.removeService('default/twin')
  builder.removeServiceCidr('b')
  builder.drain()
  t.deepEqual([builder.table.clusterIPs.size, builder.table.serviceCidrs.size], [0, 0])
})

test('a ClusterIP that its Service names as a load balancer address now falls to an older claim', (t) => {
  const builder = newBuilder()
  const [theirs, both] = [address('10.96.0.1'), address('10.96.0.2')]
  const claims = { externalIPs: [], loadBalancerIPs: [both] }
  builder.setService(exampleService({ key: 'default/a', createdAt: 1, clusterIPs: [theirs], ...claims }))
  builder.setService(exampleService({ key: 'default/b', createdAt: 2, clusterIPs: [both] }))
  builder.drain()
  const answers = (route: string) => builder.table.routes.get(key(route))?.frontends.map((one) => one.address)
  t.deepEqual(answers('default/a:/TCP'), [theirs])
  builder.setService(
    exampleService({ key: 'default/b', createdAt: 2, clusterIPs: [address('10.96.0.3')], ...claims }),
  )
  builder.drain()
  t.deepEqual(answers('default/a:/TCP'), [theirs, both])
  t.deepEqual(answers('default/b:/TCP'), [address('10.96.0.3')])
  t.is(builder.table.frontends.get(frontendKey(both, 'TCP', 80)), key('default/a:/TCP'))
})

test('hairpin addresses are those of local endpoints, while any route has them', (t) => {
  const builder = newBuilder()
  const here = exampleEndpoint('10.1.0.1', { nodeName: 'here' })
  builder.setService(
    exampleService({
      ports: [
        { name: '', protocol: 'TCP', port: 80, nodePort: 0 },
        { name: 'b', protocol: 'TCP', port: 81, nodePort: 0 },
      ],
    }),
  )
  builder.setSlice(
    exampleSlice([here, exampleEndpoint('10.2.0.1')], {
      ports: [
        { name: '', protocol: 'TCP', port: 80 },
        { name: 'b', protocol: 'TCP', port: 81 },
      ],
    }),
  )
  builder.drain()
  t.deepEqual([...builder.table.hairpinAddresses], ['10.1.0.1'] as never)
  builder.setSlice(exampleSlice([here], { ports: [{ name: '', protocol: 'TCP', port: 80 }] }))
  builder.drain()
  t.is(builder.table.hairpinAddresses.size, 1)
  builder.removeSlice('default/web-1')
  t.deepEqual([...builder.drain().sets.hairpinAddresses], ['10.1.0.1'] as never)
  t.is(builder.table.hairpinAddresses.size, 0)
})

test('trigger times come with the drain that brings the change, and only then', (t) => {
  const builder = newBuilder({ triggersSince: 1000 })
  const slice = (last: number, triggerTime: number) =>
    exampleSlice([exampleEndpoint(`10.1.0.${last}`)], { triggerTime })
  builder.setService(exampleService())
  builder.setSlice(slice(1, 2000))
  builder.setSlice(slice(2, 2001))
  t.deepEqual(builder.drain().triggerTimes, [2000, 2001])
  builder.setSlice(slice(3, 999))
  t.deepEqual(builder.drain().triggerTimes, [], 'a time before the start')
  builder.setSlice(slice(4, 3000))
  builder.removeSlice('default/web-1')
  t.deepEqual(builder.drain().triggerTimes, [], 'a slice that is gone again')
  builder.setSlice(
    exampleSlice([exampleEndpoint('10.9.0.1')], { key: 'x/x', serviceKey: 'x/none', triggerTime: 3000 }),
  )
  t.deepEqual(builder.drain().triggerTimes, [], 'a Service that is not there')
})

test('what is gone is forgotten', (t) => {
  const builder = newBuilder()
  for (let index = 0; index < 100; index++) {
    builder.setService(exampleService({ key: `default/s${index}`, externalIPs: [address('9.9.9.9')] }))
    builder.setSlice(
      exampleSlice([exampleEndpoint('10.1.0.1')], {
        key: `default/s${index}-x`,
        serviceKey: `default/s${index}`,
      }),
    )
  }
  builder.drain()
  for (let index = 0; index < 100; index++) {
    builder.removeService(`default/s${index}`)
    builder.removeSlice(`default/s${index}-x`)
  }
  builder.drain()
  t.deepEqual(builder.observed, { services: 0, sliceServices: 0, contested: 0 })
  t.is(builder.table.routes.size + builder.table.frontends.size + builder.table.clusterIPs.size, 0)
})

interface ClaimRow {
  readonly claim: string
  readonly first: Partial<ServiceRecord>
  readonly second: Partial<ServiceRecord>
  readonly frontend: FrontendKey
  readonly winner: 'first' | 'second'
  /** The field in which the loser is told. */
  readonly field: string
}

const vip = (text: string) => frontendKey(address(text), 'TCP', 80)
const other = { clusterIPs: [address('10.96.0.2')] }
const nodePort = { ports: [{ name: '', protocol: 'TCP', port: 80, nodePort: 30080 }] } as const

const claimRows: readonly ClaimRow[] = [
  {
    claim: 'of two external IPs the older Service has it',
    first: { createdAt: 5, externalIPs: [address('9.9.9.9')] },
    second: { createdAt: 4, ...other, externalIPs: [address('9.9.9.9')] },
    frontend: vip('9.9.9.9'),
    winner: 'second',
    field: 'spec.externalIPs',
  },
  {
    claim: 'of two of the same age the first by name has it',
    first: { externalIPs: [address('9.9.9.9')] },
    second: { ...other, externalIPs: [address('9.9.9.9')] },
    frontend: vip('9.9.9.9'),
    winner: 'first',
    field: 'spec.externalIPs',
  },
  {
    claim: 'a ClusterIP beats an older external IP',
    first: { createdAt: 5 },
    second: { createdAt: 4, ...other, externalIPs: [address('10.96.0.1')] },
    frontend: vip('10.96.0.1'),
    winner: 'first',
    field: 'spec.externalIPs',
  },
  {
    claim: 'a ClusterIP beats an older load balancer address',
    first: { createdAt: 5 },
    second: { createdAt: 4, ...other, loadBalancerIPs: [address('10.96.0.1')] },
    frontend: vip('10.96.0.1'),
    winner: 'first',
    field: 'status.loadBalancer.ingress',
  },
  {
    claim: 'of two Services with one ClusterIP the older one has it',
    first: { createdAt: 5 },
    second: { createdAt: 4 },
    frontend: vip('10.96.0.1'),
    winner: 'second',
    field: 'spec.clusterIPs',
  },
  {
    claim: 'of two NodePorts the older Service has it',
    first: { createdAt: 4, ...nodePort },
    second: { createdAt: 5, ...other, ...nodePort },
    frontend: frontendKey(undefined, 'TCP', 30080),
    winner: 'first',
    field: 'spec.ports[].nodePort',
  },
]

for (const { claim, first, second, frontend, winner, field } of claimRows) {
  for (const order of ['as they come', 'in the other order']) {
    test(`${claim}, ${order}`, (t) => {
      const problems: ObjectProblem[] = []
      const builder = newBuilder({ onProblem: (problem) => problems.push(problem) })
      const services = {
        first: exampleService({ key: 'default/first', ...first }),
        second: exampleService({ key: 'default/second', ...second }),
      }
      const loser = winner === 'first' ? 'second' : 'first'
      const inOrder =
        order === 'as they come' ? [services.first, services.second] : [services.second, services.first]
      for (const service of inOrder) {
        builder.setService(service)
        builder.drain()
      }
      const routeOf = (name: string) => key(`default/${name}:/TCP`)
      t.is(builder.table.frontends.get(frontend), routeOf(winner))
      t.deepEqual(
        problems.map((one) => [one.object, one.field]),
        [[`default/${loser}`, field]],
      )

      builder.setService({ ...services[loser] })
      builder.drain()
      t.is(problems.length, 1, 'told once')

      builder.removeService(`default/${winner}`)
      const touched = builder.drain()
      t.is(builder.table.frontends.get(frontend), routeOf(loser), 'takes over')
      t.true(touched.routes.has(routeOf(loser)))
    })
  }
}

test('an address in several roles of one Service counts once: ClusterIP, then load balancer, then external IP', (t) => {
  const builder = newBuilder()
  const both = [address('9.9.9.9'), address('10.96.0.1')]
  builder.setService(
    exampleService({ externalIPs: both, loadBalancerIPs: both, sourceRanges: [cidr('10.0.0.0/8')] }),
  )
  builder.drain()
  t.deepEqual(
    builder.table.routes
      .get(web)
      ?.frontends.map(({ kind, address: at, allowedSources }) => [
        kind,
        at,
        allowedSources?.length,
      ]) as unknown,
    [
      ['ClusterIP', '10.96.0.1', undefined],
      ['LoadBalancer', '9.9.9.9', 1],
    ],
  )
})

test('two ports of one Service at one destination: one of them answers, and the other is told', (t) => {
  const problems: ObjectProblem[] = []
  const builder = newBuilder({ onProblem: (problem) => problems.push(problem) })
  builder.setService(
    exampleService({ ports: ['b', 'a'].map((name) => ({ name, protocol: 'TCP', port: 80, nodePort: 0 })) }),
  )
  builder.drain()
  t.is(builder.table.frontends.get(vip('10.96.0.1')), key('default/web:a/TCP'))
  t.is(builder.table.routes.size, 1)
  t.is(problems.length, 1)
})

interface NodePortRow {
  readonly claim: string
  readonly policy?: TableBuilderOptions['nodePortAddresses']
  readonly family?: 'IPv4' | 'IPv6'
  readonly nodeAddress?: string
  readonly localhostNodePorts?: boolean
  readonly expect: readonly string[]
}

const interfaces = ['127.0.0.1', '192.168.0.2', '10.0.0.2', '::1', 'fd00::2', 'fe80::2']

const nodePortRows: readonly NodePortRow[] = [
  { claim: 'answer at the primary address by default', expect: ['192.168.0.2'] },
  { claim: 'answer nowhere in a family without a primary address', family: 'IPv6', expect: [] },
  {
    claim: 'answer at the address that the operator names as primary',
    nodeAddress: '10.0.0.2',
    expect: ['10.0.0.2'],
  },
  {
    claim: 'answer at all addresses but loopback without a range',
    policy: [],
    expect: ['10.0.0.2', '192.168.0.2'],
  },
  {
    claim: 'answer at all addresses of a family that no range is of',
    policy: [cidr('192.168.0.0/16')],
    family: 'IPv6',
    expect: ['fd00::2', 'fe80::2'],
  },
  {
    claim: 'answer inside the ranges only',
    policy: [cidr('10.0.0.0/8'), cidr('fd00::/8')],
    expect: ['10.0.0.2'],
  },
  {
    claim: 'answer everywhere with a range of everything',
    policy: [cidr('0.0.0.0/0'), cidr('10.0.0.0/8')],
    expect: ['10.0.0.2', '192.168.0.2'],
  },
  {
    claim: 'answer at the primary address and in ranges where both are asked for',
    policy: ['primary', cidr('10.0.0.0/8')],
    expect: ['10.0.0.2', '192.168.0.2'],
  },
  {
    claim: 'do not answer at loopback where the dataplane can not',
    policy: [cidr('127.0.0.0/8')],
    expect: [],
  },
  {
    claim: 'answer at IPv4 loopback when asked to, where the dataplane can',
    policy: [cidr('127.0.0.0/8')],
    localhostNodePorts: true,
    expect: ['127.0.0.1'],
  },
  {
    claim: 'answer at IPv6 loopback likewise',
    policy: [cidr('::1/128')],
    family: 'IPv6',
    localhostNodePorts: true,
    expect: ['::1'],
  },
  {
    claim: 'answer at the primary address and in a range beside it',
    policy: ['primary', cidr('127.0.0.0/8')],
    localhostNodePorts: true,
    expect: ['127.0.0.1', '192.168.0.2'],
  },
  {
    claim: 'answer nowhere in a family that has no primary address, beside a range of the other family',
    policy: ['primary', cidr('192.168.0.0/16')],
    family: 'IPv6',
    expect: [],
  },
  {
    claim: 'do not answer at loopback by default, though the dataplane can',
    localhostNodePorts: true,
    expect: ['192.168.0.2'],
  },
]

for (const {
  claim,
  policy,
  family = 'IPv4',
  nodeAddress,
  localhostNodePorts = false,
  expect,
} of nodePortRows) {
  test(`NodePorts ${claim}`, (t) => {
    const builder = newBuilder({
      family,
      localhostNodePorts,
      ...(policy === undefined ? {} : { nodePortAddresses: policy }),
      ...(nodeAddress === undefined ? {} : { nodeAddress: address(nodeAddress) }),
    })
    builder.setNode(node('', '192.168.0.2'))
    builder.setLocalAddresses(new Set(interfaces.map(address)))
    builder.drain()
    t.deepEqual([...builder.table.nodePortAddresses].sort(), expect as never)
  })
}

test('a health check node port is held as long as a Service of the family has it', (t) => {
  const builder = newBuilder()
  const checked = (name: string, port: number, ...clusterIPs: string[]) =>
    builder.setService(
      exampleService({
        key: `default/${name}`,
        clusterIPs: clusterIPs.map(address),
        healthCheckNodePort: port,
      }),
    )
  const ports = () => {
    const { healthCheckNodePorts: touched } = builder.drain().sets
    return [[...touched], [...builder.table.healthCheckNodePorts]]
  }
  checked('one', 32000, '10.96.0.1')
  checked('other', 32000, '10.96.0.2')
  checked('of-the-other-family', 32001, 'fd00:96::1')
  t.deepEqual(ports(), [[32000], [32000]])
  checked('one', 32002, '10.96.0.1')
  t.deepEqual(ports(), [[32002], [32000, 32002]])
  builder.removeService('default/other')
  checked('one', 0, '10.96.0.1')
  t.deepEqual(ports(), [[32000, 32002], []])
})

test('without interface addresses those of the Node object stand in', (t) => {
  const builder = newBuilder()
  builder.setNode(node('', '192.168.0.2', 'fd00::2'))
  builder.drain()
  t.deepEqual([...builder.table.localAddresses, ...builder.table.nodePortAddresses], [
    '192.168.0.2',
    '192.168.0.2',
  ] as never)
})

test('a ServiceCIDR inside another one counts once, and alone when the wider one goes', (t) => {
  const builder = new TableBuilder({ family: 'IPv4', nodeName: 'here', podSource: { by: 'none' } })
  builder.setServiceCidr({ kind: 'ServiceCIDR', key: 'narrow', cidrs: [cidr('10.96.0.0/16')] })
  builder.setServiceCidr({ kind: 'ServiceCIDR', key: 'wide', cidrs: [cidr('10.96.0.0/12')] })
  builder.drain()
  t.deepEqual([...builder.table.serviceCidrs], [cidr('10.96.0.0/12')])
  builder.removeServiceCidr('wide')
  builder.drain()
  t.deepEqual([...builder.table.serviceCidrs], [cidr('10.96.0.0/16')])
})
