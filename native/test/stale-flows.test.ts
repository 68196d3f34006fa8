import { ConntrackEntries, type ConntrackEntry, createLab, fullAddressBytes } from '@portolan/lab'
import test from 'ava'
import { forgetStaleFlows, type IpFamily } from '../netfilter/index.ts'

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

  test(`${family}: flows of UDP that no server answers any more are forgotten, and no others`, async (t) => {
    await using lab = await createLab({ pods: 1 })
    const { networkNamespace } = lab.node
    const entries = new ConntrackEntries(family, networkNamespace)
    t.teardown(() => entries.close())
    entries.add([...kept, ...Object.values(stale)])
    let servers: readonly { readonly address: string; readonly port: number }[] | undefined
    const destinations = [{ address: service, port: 53, servers: () => servers }]
    type Suspects = NonNullable<Parameters<typeof forgetStaleFlows>[0]['suspects']>
    const forget = (suspects?: Partial<Suspects>) =>
      forgetStaleFlows({
        family,
        networkNamespace,
        destinations,
        addressBytes: fullAddressBytes,
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
  const at = (servers: readonly string[] | undefined) => ({
    address: '192.0.2.1',
    port: 30053,
    servers: () => servers?.map((address) => ({ address, port: 53 })),
  })
  const forget = (...destinations: ReturnType<typeof at>[]) =>
    forgetStaleFlows({ family: 'IPv4', networkNamespace, destinations, addressBytes: fullAddressBytes })
  t.is((await forget(at(['10.1.1.1']), at(['10.1.1.2']))).deleted, 1)
  t.is((await forget(at(undefined), at(['10.1.1.2']))).deleted, 1, 'of one that has gone nothing is known')
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
    destinations: [{ address: '10.96.0.10', port: 53, servers: () => [{ address: '10.1.1.1', port: 53 }] }],
    addressBytes: fullAddressBytes,
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
    destinations: [{ address: '10.96.0.10', port: 53, servers: () => [] }],
    addressBytes: fullAddressBytes,
    signal: AbortSignal.abort(),
  })
  t.deepEqual(forgotten, { read: 0, deleted: 0 })
  t.is(entries.list().length, 1)
})
