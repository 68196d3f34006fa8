/** What a dataplane says of itself, and what the kit is given, decides what it has to prove. */
import type {
  ApplyResult,
  Capabilities,
  CompiledProgram,
  Dataplane,
  DataplaneFactory,
  Feature,
} from '@portolan/core'
import nftables from '@portolan/dataplane-nftables'
import test from 'ava'
import { gapOf, gapRefutedBy } from '../declared-capabilities.ts'
import { conformance, refutedGap, runConformance, type TestFunction } from '../index.ts'
import { behaving } from '../mutants/behaviour-mutant.ts'
import { type Mutate, routes, understanding, verdicts, withoutSourceRanges } from '../mutants/table-mutant.ts'

/** The nftables dataplane that understands its tables so. */
const mutant = (mutate: Mutate): DataplaneFactory =>
  behaving(nftables as DataplaneFactory, understanding(mutate))

const wholeTable: Mutate = (table) => table

/** Takes tests and never runs them. */
const runnerOfNothing: TestFunction = Object.assign(() => {}, { skip: () => {} })

test.serial(
  'a declared gap is no failure, and one whose row passes fails until it is taken back',
  async (t) => {
    const sentence = 'refuses instead'
    const gaps = { dropWithoutUsableEndpoint: sentence, rejectWithoutEndpoint: 'drops instead' }
    const factory = declaring(
      mutant(verdicts((one) => (one.do === 'drop' ? { do: 'reject' } : one))),
      (real) => ({ ...real, gaps }),
    )
    const { rows } = await runConformance({
      factory,
      families: ['IPv4'],
      filter: ({ feature }) => feature === 'dropWithoutUsableEndpoint' || feature === 'rejectWithoutEndpoint',
    })
    const told = (feature: string) => [
      ...new Set(
        rows
          // A kernel without SCTP asks nothing in it.
          .filter((row) => row.feature === feature && row.protocol !== 'SCTP')
          .map(({ outcome, detail }) => `${outcome}: ${detail}`),
      ),
    ]
    t.deepEqual(told('dropWithoutUsableEndpoint'), [`gap: ${sentence}`])
    t.deepEqual(told('rejectWithoutEndpoint'), [
      `failed: ${refutedGap}: rejectWithoutEndpoint, "drops instead"`,
    ])
  },
)

test.serial(
  'who declares that endpoints see the node is held to that, and has its gap refuted otherwise',
  async (t) => {
    const reaches = 'a ClusterIP reaches every endpoint of the Service, and nothing else'
    const keeps =
      'with externalTrafficPolicy Local a local pod takes the short circuit to every endpoint, unmasqueraded'
    const { rows } = await runConformance({
      factory: declaring(mutant(wholeTable), (real) => ({
        ...real,
        gaps: { clientAddress: 'a relay connects' },
      })),
      families: ['IPv4'],
      filter: ({ name }) => name === reaches || name === keeps,
    })
    const told = (name: string) => rows.find((row) => row.name === name && row.protocol === 'TCP')
    t.is(told(reaches)?.outcome, 'failed')
    t.regex(told(reaches)?.detail ?? '', /saw 10\.1\.0\.\d+, due is \S+, the node's address/)
    t.is(told(keeps)?.outcome, 'failed')
    t.regex(told(keeps)?.detail ?? '', /^this row passes, but what it needs is declared as a gap/)
  },
)

test('a row is a gap where any feature that it needs is one, in protocols that the feature is about', (t) => {
  const of = (gaps: Capabilities['gaps']): Capabilities => ({
    families: ['IPv4'],
    protocols: ['TCP', 'UDP'],
    gaps,
  })
  const drops = { feature: 'sourceRanges', also: ['externalAddresses', 'dropConnections'] } as const
  t.is(gapOf(drops, 'TCP', of({})), undefined)
  t.is(gapOf(drops, 'UDP', of({ externalAddresses: 'left alone' })), 'left alone')
  t.is(gapOf(drops, 'TCP', of({ dropConnections: 'reset' })), 'reset')
  t.is(gapOf(drops, 'UDP', of({ dropConnections: 'reset' })), undefined)
  t.is(gapOf({ feature: 'basics' }, 'SCTP', of({})), 'no SCTP')
  const external = { feature: 'basics', oneOf: ['externalAddresses', 'nodePort'] } as const
  t.is(gapOf(external, 'TCP', of({ nodePort: 'closed' })), undefined)
  t.is(gapOf(external, 'TCP', of({ nodePort: 'closed', externalAddresses: 'left alone' })), 'left alone')
})

test('a row that passes refutes the gaps that it needs to be none, and not those without which it also holds', (t) => {
  const of = (gaps: Capabilities['gaps']): Capabilities => ({ ...nftables.capabilities, gaps })
  const row = { feature: 'sharedPorts', also: ['ephemeralPorts'], holdsWithout: ['ephemeralPorts'] } as const
  t.is(gapRefutedBy(row, 'UDP', of({ ephemeralPorts: 'a port each' })), undefined)
  const both = of({ ephemeralPorts: 'a port each', sharedPorts: 'one flow' })
  t.is(gapRefutedBy(row, 'UDP', both), 'sharedPorts')
})

test.serial(
  'a row that asks nothing but NodePorts and external addresses is a gap of who has neither',
  async (t) => {
    const gaps = { nodePort: 'refused', externalAddresses: 'left alone' }
    const told = async (mutate: Mutate) => {
      const { rows } = await runConformance({
        factory: declaring(mutant(mutate), (real) => ({ ...real, gaps })),
        families: ['IPv4'],
        filter: ({ oneOf }) => oneOf !== undefined,
      })
      t.true(rows.length > 0)
      // A kernel without SCTP asks nothing in it.
      const asked = rows.filter(({ protocol }) => protocol !== 'SCTP')
      return [...new Set(asked.map(({ outcome, refutes }) => `${outcome} ${refutes}`))].sort()
    }
    // Their own feature is none that one could declare.
    t.deepEqual(await told(wholeTable), ['failed externalAddresses'])
    t.deepEqual(await told(withoutExternal), ['gap undefined'])
  },
)

const refusedDeclarations: readonly {
  what: string
  declares: (real: Capabilities) => Capabilities
  says: RegExp
}[] = [
  {
    what: 'no protocol',
    declares: (real) => ({ ...real, protocols: [] }),
    says: /capabilities\.protocols is empty/,
  },
  {
    what: 'UDP alone',
    declares: (real) => ({ ...real, protocols: ['UDP'] }),
    says: /capabilities\.protocols lacks TCP/,
  },
  {
    what: 'a protocol that does not exist',
    declares: (real) => ({ ...real, protocols: ['TCP', 'QUIC' as 'UDP'] }),
    says: /"QUIC"; known are TCP, UDP, SCTP/,
  },
  {
    what: 'no family',
    declares: (real) => ({ ...real, families: [] }),
    says: /capabilities\.families is empty/,
  },
  {
    what: 'a gap in a feature that does not exist',
    declares: (real) => ({ ...real, gaps: { afinity: 'none' } as Capabilities['gaps'] }),
    says: /"afinity", which is no feature; there are externalAddresses, /,
  },
  {
    what: 'a gap without a sentence',
    declares: (real) => ({ ...real, gaps: { affinity: ' ' } }),
    says: /capabilities\.gaps\.affinity says nothing/,
  },
]

for (const { what, declares, says } of refusedDeclarations) {
  test(`a dataplane that declares ${what} is refused before anything is asked`, async (t) => {
    const factory = declaring(mutant(wholeTable), declares)
    t.throws(() => conformance({ test: runnerOfNothing, factory }), {
      code: 'DATAPLANE_BREAKS_CONTRACT',
      message: says,
    })
    await t.throwsAsync(runConformance({ factory }), { code: 'DATAPLANE_BREAKS_CONTRACT', message: says })
  })
}

test('a selection that leaves no row to prove is refused', (t) => {
  const options = { test: runnerOfNothing, factory: mutant(wholeTable) }
  t.throws(() => conformance({ ...options, filter: () => false }), { message: /leave no row to prove/ })
  t.throws(() => conformance({ ...options, families: [] }), { message: /leave no row to prove/ })
})

/** A row whose scenario takes a second. */
const cheapRow = 'those of others left out and named'
/** Two rows of different scenarios. */
const rowsOfTwo = ({ name }: { readonly name: string }) =>
  name.includes(cheapRow) || name.includes('are spread evenly')

const brokenCalls: readonly {
  what: string
  breaks: (real: Dataplane) => Partial<Dataplane>
  says: RegExp
}[] = [
  {
    what: 'apply never ends',
    breaks: () => ({ apply: () => new Promise(() => {}) }),
    says: /apply has neither resolved nor rejected within 5 s/,
  },
  {
    what: 'observe never ends',
    breaks: () => ({ observe: () => new Promise(() => {}) }),
    says: /observe has neither resolved nor rejected within 5 s/,
  },
  {
    what: 'stop never ends',
    breaks: () => ({ stop: () => new Promise(() => {}) }),
    says: /stop has neither resolved nor rejected within 5 s/,
  },
  {
    what: 'a program counts -7 operations',
    breaks: (real) => ({
      reconcile: (observed, table) => ({ ...real.reconcile(observed, table), operations: -7 }),
    }),
    says: /reconcile gave operations: -7, due is a whole number/,
  },
  {
    what: 'apply reports nothing',
    breaks: (real) => ({
      apply: async (program) => {
        await real.apply(program)
        return undefined as unknown as ApplyResult
      },
    }),
    says: /apply gave operations: undefined/,
  },
  {
    what: 'apply does nothing',
    breaks: () => ({ apply: async () => ({ operations: 1, bytes: 1, degraded: [] }) }),
    says: /apply resolved, but observe and reconcile still differ: IPv4: .* operations/,
  },
]

for (const { what, breaks, says } of brokenCalls) {
  test.serial(`the kit stops at once, and says why, when ${what}`, async (t) => {
    const sound = mutant(wholeTable)
    const factory: DataplaneFactory = {
      ...sound,
      create(options) {
        const real = sound.create(options)
        return { ...real, ...breaks(real) }
      },
    }
    const { rows } = await runConformance({ factory, families: ['IPv4'], filter: rowsOfTwo, callMs: 5000 })
    const first = rows.filter(({ name }) => name.includes(cheapRow))
    const second = rows.filter(({ name }) => !name.includes(cheapRow))
    t.deepEqual([first.length, second.length], [2, 2])
    if (what !== 'stop never ends') for (const { detail } of first) t.regex(detail, says)
    for (const { outcome, detail } of second) {
      t.is(outcome, 'failed')
      t.regex(detail, /^not asked, because the dataplane breaks the contract/)
      t.regex(detail, says)
    }
  })
}

/** The random walk alone, on a mutant that declares this. */
async function walk(
  mutate: Mutate,
  declares: (real: Capabilities) => Capabilities,
): Promise<{ readonly outcomes: readonly string[]; readonly details: string }> {
  const { rows } = await runConformance({
    factory: declaring(mutant(mutate), declares),
    families: ['IPv4'],
    filter: ({ name }) => name.includes('hundreds of random changes packets go'),
  })
  return {
    outcomes: rows.map(({ outcome }) => outcome),
    details: rows.map(({ detail }) => detail).join('\n'),
  }
}

function declaring(
  factory: DataplaneFactory,
  declares: (real: Capabilities) => Capabilities,
  report: (real: ApplyResult) => ApplyResult = (real) => real,
): DataplaneFactory {
  const capabilities = declares(factory.capabilities)
  return {
    ...factory,
    capabilities,
    create(options) {
      const real = factory.create(options)
      const apply = async (program: CompiledProgram) => report(await real.apply(program))
      return { ...real, capabilities, apply }
    },
  }
}

const gap =
  (...missing: Feature[]) =>
  (real: Capabilities): Capabilities => ({
    ...real,
    gaps: Object.fromEntries(missing.map((feature) => [feature, 'not here'])),
  })

/** Serves ClusterIPs alone. */
const withoutExternal = routes((route) => ({
  ...route,
  frontends: route.frontends.filter(({ kind }) => kind === 'ClusterIP'),
}))

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
      t.deepEqual((await walk(mutate, nothingMore)).outcomes, ['failed'])
      const { outcomes, details } = await walk(mutate, declares)
      t.deepEqual(outcomes, ['passed'], details)
    },
  )
}

test.serial('a route of a protocol that the dataplane does not list must be named', async (t) => {
  const outcome = async (report: (real: ApplyResult) => ApplyResult) => {
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
