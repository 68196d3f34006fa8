import {
  ConntrackEntries,
  type ConntrackEntry,
  createLab,
  fullAddress,
  fullAddressBytes,
} from '@portolan/lab'
import test from 'ava'
import fc from 'fast-check'
import { forgetStaleFlows, type IpFamily, type StaleFlowsOptions } from '../netfilter/index.ts'

interface Named {
  readonly client: string
  readonly service: string
  readonly other: string
  readonly old: string
  readonly young: string
}

const names: Readonly<Record<IpFamily, Named>> = {
  IPv4: {
    client: '10.1.0.7',
    service: '10.96.0.10',
    other: '192.0.2.53',
    old: '10.1.1.1',
    young: '10.1.1.2',
  },
  IPv6: {
    client: 'fd00:1:0:0:0:0:0:7',
    service: 'fd00:96:0:0:0:0:0:10',
    other: '2001:db8:0:0:0:0:0:53',
    old: 'fd00:1:1:0:0:0:0:1',
    young: 'fd00:1:1:0:0:0:0:2',
  },
}

const addressForms = { addressBytes: fullAddressBytes, formatBytes: fullAddress }

for (const family of ['IPv4', 'IPv6'] as const) {
  const { client, service, other, old, young } = names[family]
  const kept: ConntrackEntry[] = [
    // To a server that still serves.
    { protocol: 'UDP', source: `${client} 1001`, destination: `${service} 53`, server: `${young} 5353` },
    // TCP ends by itself.
    { protocol: 'TCP', source: `${client} 1002`, destination: `${service} 53`, server: `${old} 5353` },
    // Other destinations of the same port, another port, and a server without its Service.
    { protocol: 'UDP', source: `${client} 1003`, destination: `${other} 53` },
    { protocol: 'UDP', source: `${client} 1004`, destination: `${service} 54`, server: `${old} 5353` },
    { protocol: 'UDP', source: `${client} 1005`, destination: `${old} 5353` },
  ]
  const stale: Record<'gone' | 'otherPort' | 'untranslated', ConntrackEntry> = {
    gone: {
      protocol: 'UDP',
      source: `${client} 1006`,
      destination: `${service} 53`,
      server: `${old} 5353`,
    },
    otherPort: {
      protocol: 'UDP',
      source: `${client} 1007`,
      destination: `${service} 53`,
      server: `${young} 53`,
    },
    untranslated: { protocol: 'UDP', source: `${client} 1008`, destination: `${service} 53` },
  }
  const line = ({ protocol, source, destination, server = destination }: ConntrackEntry) =>
    `${protocol} ${source} > ${destination} = ${server}`

  test(`${family}: a pass that asks the kernel for suspects finds what one through all flows finds`, async (t) => {
    await using lab = await createLab({ pods: 1 })
    const { networkNamespace } = lab.node
    const entries = new ConntrackEntries(family, networkNamespace)
    t.teardown(() => entries.close())
    const end = (addresses: readonly string[], ports: readonly number[]) =>
      fc.record({ address: fc.constantFrom(...addresses), port: fc.constantFrom(...ports) })
    const [destination, server] = [end([service, other], [53, 54]), end([old, young], [53, 5353])]
    const keyOf = (one: { readonly address: string; readonly port: number }) => `${one.address} ${one.port}`
    const someFlows = fc.array(fc.record({ destination, server: fc.option(server) }), { maxLength: 40 })
    const someServers = fc.uniqueArray(
      fc.record({ destination, servers: fc.uniqueArray(server, { selector: keyOf }) }),
      { selector: (one) => keyOf(one.destination) },
    )
    await fc.assert(
      fc.asyncProperty(someFlows, someServers, async (flows, services) => {
        const forget = (lists: typeof services, suspects?: StaleFlowsOptions<string>['suspects']) =>
          forgetStaleFlows({
            family,
            networkNamespace,
            serversAt: (address, port) =>
              lists
                .filter((one) => keyOf(one.destination) === `${address} ${port}`)
                .map((one) => one.servers),
            ...addressForms,
            ...(suspects === undefined ? {} : { suspects }),
          })
        // What the run before has left.
        await forget(
          [service, other].flatMap((address) =>
            [53, 54].map((port) => ({ destination: { address, port }, servers: [] })),
          ),
        )
        const added = flows.map((flow, index) => ({
          protocol: 'UDP' as const,
          source: `${client} ${3000 + index}`,
          destination: keyOf(flow.destination),
          ...(flow.server === null ? {} : { server: keyOf(flow.server) }),
        }))
        entries.add(added)
        const isStale = ({ destination: to, server: by = to }: ConntrackEntry) => {
          const one = services.find((candidate) => keyOf(candidate.destination) === to)
          return one !== undefined && !one.servers.some((candidate) => keyOf(candidate) === by)
        }
        await forget(services, { answeredBy: [], sentTo: services.map((one) => one.destination) })
        t.deepEqual(
          entries.list(),
          added
            .filter((one) => !isStale(one))
            .map(line)
            .sort(),
        )
        t.is((await forget(services)).deleted, 0)
      }),
      { numRuns: 12 },
    )
  })

  test(`${family}: flows of UDP that no server answers any more are forgotten, and no others`, async (t) => {
    await using lab = await createLab({ pods: 1 })
    const { networkNamespace } = lab.node
    const entries = new ConntrackEntries(family, networkNamespace)
    t.teardown(() => entries.close())
    entries.add([...kept, ...Object.values(stale)])
    let servers: readonly { readonly address: string; readonly port: number }[] | undefined
    const serversAt = (address: string, port: number) =>
      servers !== undefined && address === service && port === 53 ? [servers] : []
    type Suspects = NonNullable<Parameters<typeof forgetStaleFlows>[0]['suspects']>
    const forget = (suspects?: Partial<Suspects>) =>
      forgetStaleFlows({
        family,
        networkNamespace,
        serversAt,
        ...addressForms,
        ...(suspects === undefined ? {} : { suspects: { answeredBy: [], sentTo: [], ...suspects } }),
      })

    t.is((await forget()).deleted, 0, 'nothing is judged without a list of servers')

    servers = [{ address: young, port: 5353 }]
    t.is((await forget({ sentTo: [{ address: service, port: 54 }] })).deleted, 0, 'of what was asked for')
    t.is((await forget({ answeredBy: [{ address: old, port: 5353 }] })).deleted, 1, 'its server has gone')
    t.deepEqual(
      entries.list(),
      [...kept, stale.otherPort, stale.untranslated].map(line).sort(),
      'flows that others answer were not looked at',
    )
    t.is((await forget({ sentTo: [{ address: service, port: 53 }] })).deleted, 2)
    t.deepEqual(entries.list(), kept.map(line).sort())

    entries.add([stale.gone, stale.untranslated])
    t.is((await forget()).deleted, 2)
    t.deepEqual(entries.list(), kept.map(line).sort())

    servers = []
    t.is((await forget()).deleted, 1, 'a Service without servers keeps no flow')
    t.deepEqual(entries.list(), kept.slice(1).map(line).sort())
  })
}

test('where two Services share a destination, flows that either answers stay', async (t) => {
  await using lab = await createLab({ pods: 1 })
  const { networkNamespace } = lab.node
  const entries = new ConntrackEntries('IPv4', networkNamespace)
  t.teardown(() => entries.close())
  const destination = '192.0.2.1 30053'
  entries.add(
    ['10.1.1.1', '10.1.1.2', '10.1.1.3'].map((server, index) => ({
      protocol: 'UDP' as const,
      source: `10.1.0.7 ${2000 + index}`,
      destination,
      server: `${server} 53`,
    })),
  )
  const forget = (...lists: (readonly string[])[]) => {
    const servers = lists.map((list) => list.map((address) => ({ address, port: 53 })))
    return forgetStaleFlows({ family: 'IPv4', networkNamespace, serversAt: () => servers, ...addressForms })
  }
  t.is((await forget(['10.1.1.1'], ['10.1.1.2'])).deleted, 1)
  t.is((await forget(['10.1.1.2'])).deleted, 1, 'of one that has gone nothing is known')
  t.deepEqual(entries.list(), [`UDP 10.1.0.7 2001 > ${destination} = 10.1.1.2 53`])
})

test('a thousand stale flows are forgotten while others go on', async (t) => {
  await using lab = await createLab({ pods: 1 })
  const { networkNamespace } = lab.node
  const entries = new ConntrackEntries('IPv4', networkNamespace)
  t.teardown(() => entries.close())
  entries.add(
    Array.from({ length: 2000 }, (_, index) => ({
      protocol: 'UDP' as const,
      source: `10.1.0.7 ${2000 + index}`,
      destination: '10.96.0.10 53',
      server: `10.1.1.${index % 2} 53`,
    })),
  )
  const { deleted } = await forgetStaleFlows({
    family: 'IPv4',
    networkNamespace,
    serversAt: () => [[{ address: '10.1.1.1', port: 53 }]],
    ...addressForms,
  })
  t.is(deleted, 1000)
  t.true(entries.list().every((line) => line.endsWith('= 10.1.1.1 53')))
})

test('a pass that is asked to end ends, and leaves the rest', async (t) => {
  await using lab = await createLab({ pods: 1 })
  const entries = new ConntrackEntries('IPv4', lab.node.networkNamespace)
  t.teardown(() => entries.close())
  entries.add([{ protocol: 'UDP', source: '10.1.0.7 2000', destination: '10.96.0.10 53' }])
  const forgotten = await forgetStaleFlows({
    family: 'IPv4',
    networkNamespace: lab.node.networkNamespace,
    serversAt: () => [[]],
    ...addressForms,
    signal: AbortSignal.abort(),
  })
  t.deepEqual(forgotten, { read: 0, deleted: 0 })
  t.is(entries.list().length, 1)
})
