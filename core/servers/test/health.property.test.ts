import test from 'ava'
import fc from 'fast-check'
import type { ClusterRecord, NodeRecord, SliceRecord } from '../../cluster/records.ts'
import { familyOf, type IpFamily, ipFamilies } from '../../network/address.ts'
import { address, cidr, exampleEndpoint, exampleService } from '../../table/builder/test/example-records.ts'
import { ask, freePorts, HealthBed } from './health-bed.ts'

/** IPv4 follows the addresses in the range; IPv6, which it doesn't name, is everywhere. */
const policy = [cidr('127.0.0.0/8')]
const hosts: Readonly<Record<IpFamily, readonly string[]>> = {
  IPv4: ['127.0.0.1', '127.0.0.2'],
  IPv6: ['::1'],
}
const prefix: Readonly<Record<IpFamily, string>> = { IPv4: '10.1.0.', IPv6: 'fd00:1::' }
const ports = await freePorts(2)

type Step =
  | { readonly do: 'service'; readonly name: string; readonly port: number; readonly in: readonly IpFamily[] }
  | { readonly do: 'removeService'; readonly name: string }
  | { readonly do: 'slice'; readonly slice: SliceRecord }
  | { readonly do: 'removeSlice'; readonly key: string }
  | { readonly do: 'node'; readonly leaving: NodeRecord['leaving'] | 'gone' }
  | { readonly do: 'addresses'; readonly addresses: readonly string[] }
  | { readonly do: 'fail'; readonly family: IpFamily }
  | { readonly do: 'mend'; readonly family: IpFamily }
  | { readonly do: 'wait'; readonly seconds: number }

const names = fc.constantFrom('a', 'a', 'b')
const families = fc.constantFrom(...ipFamilies)
const endpoint = (family: IpFamily) =>
  fc
    .record({
      number: fc.integer({ min: 1, max: 3 }),
      ready: fc.boolean(),
      terminating: fc.boolean(),
      nodeName: fc.constantFrom('here', 'here', 'there', ''),
    })
    .map(({ number, ...conditions }) => exampleEndpoint(`${prefix[family]}${number}`, conditions))
const slice = families.chain((family) =>
  fc.record({
    kind: fc.constant('EndpointSlice' as const),
    key: names.map((name) => `default/slice-${name}`),
    serviceKey: names.map((name) => `default/${name}`),
    family: fc.constant(family),
    ports: fc.constant([{ name: '', protocol: 'TCP' as const, port: 8080 }]),
    endpoints: fc.uniqueArray(endpoint(family), { maxLength: 3, selector: (one) => one.address }),
  }),
)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('service' as const),
      name: names,
      port: fc.constantFrom(0, ...ports, ...ports),
      in: fc.constantFrom<readonly IpFamily[]>(['IPv4'], ['IPv6'], ipFamilies),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('slice' as const), slice }) },
  fc.record({ do: fc.constant('removeService' as const), name: names }),
  fc.record({ do: fc.constant('removeSlice' as const), key: names.map((name) => `default/slice-${name}`) }),
  fc.record({
    do: fc.constant('node' as const),
    leaving: fc.constantFrom<NodeRecord['leaving'] | 'gone'>(undefined, 'deletion', 'autoscaler', 'gone'),
  }),
  fc.record({ do: fc.constant('addresses' as const), addresses: fc.subarray([...hosts.IPv4]) }),
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('fail' as const), family: families }),
  },
  fc.record({ do: fc.constant('mend' as const), family: families }),
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.constantFrom(1, 35, 61) }),
  },
)

/** SEMANTICS 11 in the plainest words: everything is worked out from all there is, each time. */
class Model {
  readonly services = new Map<string, { readonly port: number; readonly in: readonly IpFamily[] }>()
  readonly slices = new Map<string, SliceRecord>()
  addresses: readonly string[] = []
  node: NodeRecord['leaving'] | 'gone' = 'gone'
  now = 0
  readonly failingSince = new Map<IpFamily, number>()
  /** What each family's kernel does: per host and port the Services that may answer, with their endpoints. */
  readonly #applied = new Map<IpFamily, ReadonlyMap<string, readonly (readonly [string, number])[]>>()

  apply(): void {
    for (const family of ipFamilies)
      if (!this.failingSince.has(family)) this.#applied.set(family, this.#all(family))
  }

  isLate(family: IpFamily): boolean {
    return this.now - (this.failingSince.get(family) ?? this.now) >= 60
  }

  get isHealthy(): boolean {
    return ipFamilies.every((family) => !this.isLate(family))
  }

  expected(family: IpFamily, host: string, port: number): readonly (readonly [string, number])[] {
    return this.#applied.get(family)?.get(`${host} ${port}`) ?? []
  }

  #all(family: IpFamily): ReadonlyMap<string, readonly (readonly [string, number])[]> {
    const answering = new Map<string, (readonly [string, number])[]>()
    const open = family === 'IPv4' ? this.addresses : hosts.IPv6
    for (const host of open)
      for (const [name, service] of this.services)
        if (service.port !== 0 && service.in.includes(family)) {
          const at = `${host} ${service.port}`
          answering.set(at, [...(answering.get(at) ?? []), [name, this.#localReady(name, family)]])
        }
    return answering
  }

  /** Of one address in several slices a version that isn't terminating counts, then one that is ready (SEMANTICS 3). */
  #localReady(name: string, family: IpFamily): number {
    const best = new Map<string, SliceRecord['endpoints'][number]>()
    for (const [, one] of [...this.slices].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (one.serviceKey !== `default/${name}` || one.family !== family) continue
      for (const endpoint of one.endpoints) {
        const known = best.get(endpoint.address)
        const rank = (of: typeof endpoint) =>
          (of.terminating ? 0 : 4) + (of.ready ? 2 : 0) + (of.serving ? 1 : 0)
        if (known === undefined || rank(endpoint) > rank(known)) best.set(endpoint.address, endpoint)
      }
    }
    return [...best.values()].filter(({ ready, nodeName }) => ready && nodeName === 'here').length
  }
}

const clusterIPs: Readonly<Record<string, string>> = { a: '1', b: '2' }

function serviceRecord(name: string, port: number, inFamilies: readonly IpFamily[]): ClusterRecord {
  const all = [`10.96.0.${clusterIPs[name]}`, `fd00:96::${clusterIPs[name]}`].map(address)
  return exampleService({
    key: `default/${name}`,
    clusterIPs: all.filter((one) => inFamilies.includes(familyOf(one))),
    healthCheckNodePort: port,
  })
}

let marks = 0

async function take(step: Step, bed: HealthBed, model: Model): Promise<void> {
  switch (step.do) {
    case 'service':
      model.services.set(step.name, step)
      bed.set(serviceRecord(step.name, step.port, step.in))
      break
    case 'removeService':
      model.services.delete(step.name)
      bed.source.remove('Service', `default/${step.name}`, 0)
      break
    case 'slice':
      model.slices.set(step.slice.key, step.slice)
      bed.set(step.slice)
      break
    case 'removeSlice':
      model.slices.delete(step.key)
      bed.source.remove('EndpointSlice', step.key, 0)
      break
    case 'node': {
      const { leaving } = step
      model.node = leaving
      const node = { kind: 'Node' as const, key: 'here', zone: '', addresses: [], podCidrs: [] }
      if (leaving === 'gone') bed.source.remove('Node', 'here', 0)
      else bed.set({ ...node, ...(leaving === undefined ? {} : { leaving }) })
      break
    }
    case 'addresses':
      model.addresses = step.addresses
      bed.setAddresses(...step.addresses)
      break
    case 'fail':
      if (!model.failingSince.has(step.family)) {
        bed.failing.add(step.family)
        model.failingSince.set(step.family, model.now)
        // Something to apply, so that it fails at once.
        const [ip, port] = [address(`${step.family === 'IPv4' ? '10.97.0.' : 'fd00:97::'}1`), ++marks]
        bed.set(
          exampleService({
            key: `mark/${step.family.toLowerCase()}`,
            clusterIPs: [ip],
            ports: [{ name: '', protocol: 'TCP', port: (port % 60_000) + 1, nodePort: 0 }],
          }),
        )
      }
      break
    case 'mend':
      bed.failing.delete(step.family)
      if (model.failingSince.delete(step.family)) {
        // Longer than any back-off.
        await pass(31, bed, model)
      }
      break
    case 'wait':
      await pass(step.seconds, bed, model)
  }
}

test('any history: every port and both paths answer as SEMANTICS 11 says, by what is applied', async (t) => {
  t.timeout(600_000)
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 40, size: 'max' }), async (steps) => {
      await using bed = new HealthBed(policy)
      const model = new Model()
      bed.engine.start()
      await pass(0, bed, model)
      for (const [index, one] of steps.entries()) {
        await take(one, bed, model)
        // Steps that come in one turn are applied together.
        if (index % 3 !== 2 && index !== steps.length - 1) continue
        await pass(0, bed, model)
        await check(bed, model)
      }
    }),
    { numRuns: Number(process.env.PORTOLAN_SEQUENCES ?? 40) },
  )
  t.pass()
})

async function pass(seconds: number, bed: HealthBed, model: Model): Promise<void> {
  await bed.pass(seconds)
  model.now += seconds
  model.apply()
}

async function check(bed: HealthBed, model: Model): Promise<void> {
  for (const family of ipFamilies)
    for (const host of hosts[family]) for (const port of ports) await checkPort(model, family, host, port)
  const eligible = model.node === undefined
  const [healthz, livez] = [await bed.ask('/healthz'), await bed.ask('/livez')]
  same(healthz.status, model.isHealthy && eligible ? 200 : 503, '/healthz')
  same(livez.status, model.isHealthy ? 200 : 503, '/livez')
  const { healthy, nodeEligible, status } = JSON.parse(healthz.body)
  same(healthy, model.isHealthy, 'healthy')
  same(nodeEligible, eligible, 'nodeEligible')
  for (const family of ipFamilies) same(status[family].healthy, !model.isLate(family), `${family} healthy`)
}

async function checkPort(model: Model, family: IpFamily, host: string, port: number): Promise<void> {
  const answer = await ask(host, port)
  const expected = model.expected(family, host, port)
  const isListening = answer !== undefined
  same(isListening, expected.length > 0, `${host}:${port} listens`)
  if (answer === undefined) return
  const { service, localEndpoints, serviceProxyHealthy } = JSON.parse(answer.body)
  // Of Services that name the same port, which an API server doesn't allow, any may answer.
  const [, count = -1] = expected.find(([name]) => name === service.name) ?? []
  same(localEndpoints, count, `${host}:${port} localEndpoints of ${service.name}`)
  same(answer.weight, String(count), `${host}:${port} weight`)
  same(serviceProxyHealthy, model.isHealthy, `${host}:${port} serviceProxyHealthy`)
  same(answer.status, count > 0 && model.isHealthy ? 200 : 503, `${host}:${port} status`)
}

function same(actual: unknown, expected: unknown, what: string): void {
  if (!Object.is(actual, expected)) throw new Error(`${what}: ${String(actual)}, not ${String(expected)}`)
}
