/** What a dataplane says of itself, and what the kit is given, decides what it has to prove. */
import type { ApplyReport, Capabilities, DataplaneFactory, Feature } from '@portolan/core'
import nftables from '@portolan/dataplane-nftables'
import test from 'ava'
import { runConformance } from './index.ts'
import { type Mutate, mutant, routes, verdicts, withoutSourceRanges } from './mutant.ts'

test.serial('a declared gap is no failure, and says when it is none', async (t) => {
  const sentence = 'refuses instead'
  const factory: DataplaneFactory = (options) => {
    const real = mutant(verdicts((one) => (one.do === 'drop' ? { do: 'reject' } : one)))(options)
    const gaps = { dropWithoutUsableEndpoint: sentence, rejectWithoutEndpoint: 'drops instead' }
    return { ...real, capabilities: { ...real.capabilities, gaps } }
  }
  const { rows } = await runConformance({
    factory,
    families: ['IPv4'],
    filter: ({ feature }) => feature === 'dropWithoutUsableEndpoint' || feature === 'rejectWithoutEndpoint',
  })
  t.true(rows.length > 0)
  t.deepEqual([...new Set(rows.map(({ outcome }) => outcome))], ['gap'])
  const details = (feature: string) => [
    ...new Set(rows.filter((row) => row.feature === feature).map(({ detail }) => detail)),
  ]
  t.deepEqual(details('dropWithoutUsableEndpoint'), [sentence])
  t.true(details('rejectWithoutEndpoint').includes('drops instead (declared, but this row passes)'))
})

/** The random walk alone, on a mutant that declares this. */
async function walk(
  mutate: Mutate,
  declares: (real: Capabilities) => Capabilities,
): Promise<readonly string[]> {
  const { rows } = await runConformance({
    factory: declaring(mutant(mutate), declares),
    families: ['IPv4'],
    filter: ({ name }) => name.includes('hundreds of random changes packets go'),
  })
  return rows.map(({ outcome }) => outcome)
}

function declaring(
  factory: DataplaneFactory,
  declares: (real: Capabilities) => Capabilities,
  report: (real: ApplyReport) => ApplyReport = (real) => real,
): DataplaneFactory {
  return (options) => {
    const real = factory(options)
    const apply = async (program: unknown) => report(await real.apply(program))
    return { ...real, capabilities: declares(real.capabilities), apply }
  }
}

const gap =
  (...missing: Feature[]) =>
  (real: Capabilities): Capabilities => ({
    ...real,
    gaps: Object.fromEntries(missing.map((feature) => [feature, 'not here'])),
  })

const withoutUdp: Mutate = (table) => ({
  ...routes((route) => route)(table),
  routes: new Map([...table.routes].filter(([, { protocol }]) => protocol !== 'UDP')),
})

const noUdp = (real: Capabilities): Capabilities => ({ ...real, protocols: ['TCP', 'SCTP'] })
const nothingMore = (real: Capabilities) => real

const walks: readonly { lack: string; mutate: Mutate; declares: (real: Capabilities) => Capabilities }[] = [
  { lack: 'loadBalancerSourceRanges', mutate: withoutSourceRanges, declares: gap('sourceRanges') },
  {
    lack: 'drops, of unallocated ClusterIPs and otherwise',
    mutate: (table) => ({
      ...verdicts((one) => (one.do === 'drop' ? { do: 'reject' } : one))(table),
      serviceCidrs: new Set(),
    }),
    declares: gap('dropUnallocated', 'dropWithoutUsableEndpoint'),
  },
  {
    lack: 'NodePorts',
    mutate: (table) => ({ ...routes((route) => route)(table), nodePortAddresses: new Set() }),
    declares: gap('nodePort'),
  },
  {
    lack: 'hairpin',
    mutate: (table) => ({ ...routes((route) => route)(table), hairpinAddresses: new Set() }),
    declares: gap('hairpin'),
  },
  { lack: 'UDP', mutate: withoutUdp, declares: noUdp },
]

for (const { lack, mutate, declares } of walks) {
  test.serial(
    `a dataplane without ${lack} fails the random walk, and passes it once it says so`,
    async (t) => {
      t.deepEqual(await walk(mutate, nothingMore), ['failed'])
      t.deepEqual(await walk(mutate, declares), ['passed'])
    },
  )
}

test.serial('a route of a protocol that the dataplane does not list must be named', async (t) => {
  const outcome = async (report: (real: ApplyReport) => ApplyReport) => {
    const { rows } = await runConformance({
      factory: declaring(mutant(withoutUdp), noUdp, report),
      families: ['IPv4'],
      filter: ({ name }) => name.includes('those of others left out and named'),
    })
    return rows.map((row) => `${row.protocol} ${row.outcome}`)
  }
  // The only Service of this row is the one at the first place.
  const degraded = [{ route: 'conformance/case-0:udp/UDP', reason: 'no UDP' }]
  t.deepEqual(await outcome((real) => real), ['TCP failed', 'UDP gap'])
  t.deepEqual(await outcome((real) => ({ ...real, degraded })), ['TCP passed', 'UDP gap'])
})

const needs: readonly { row: string; says: RegExp }[] = [
  {
    row: 'a process that is killed while it applies',
    says: /give the kit its module, as import\.meta\.resolve/,
  },
  { row: 'reconciling finds every damage', says: /give the kit the hook `sabotage`/ },
  { row: 'cleanup leaves alone what others', says: /give the kit the hook `foreign`/ },
]

for (const { row, says } of needs) {
  test.serial(`without what it needs the row "${row} ..." fails and says what to give`, async (t) => {
    const { rows } = await runConformance({
      factory: nftables,
      families: ['IPv4'],
      filter: ({ name }) => name.startsWith(row),
    })
    t.deepEqual(
      rows.map(({ outcome }) => outcome),
      ['failed'],
    )
    t.regex(rows[0]?.detail ?? '', says)
  })
}
