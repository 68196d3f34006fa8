/**
 * The kit has to notice: each mutant is the nftables dataplane with one rule of Kubernetes' broken, and has to fail the
 * rows that are about it, and the rows that are not about it have to pass still.
 */
import type {
  Dataplane,
  DataplaneFactory,
  RoutingTable,
  ServiceRoute,
  TableChange,
  Verdict,
} from '@portolan/core'
import { emptyTable, fullDifference } from '@portolan/core/table'
import nftables from '@portolan/dataplane-nftables'
import test from 'ava'
import { runConformance } from './index.ts'

type Mutate = (table: RoutingTable) => RoutingTable

/** The dataplane as it would be if it understood every table wrongly in this way. */
function mutant(mutate: Mutate): DataplaneFactory {
  return (options) => {
    const real = nftables(options)
    const applied = new Map<string, RoutingTable>()
    const before = (table: RoutingTable) =>
      applied.get(table.family) ?? emptyTable(table.family, table.podSource)
    const wrapped: Dataplane<unknown, unknown> = {
      name: 'mutant',
      contractVersion: real.contractVersion,
      capabilities: real.capabilities,
      probe: () => real.probe(),
      start: () => real.start(),
      observe: (family) => real.observe(family),
      undisturbed: (family) => real.undisturbed(family),
      heldOrder: (held, route, over) => real.heldOrder(held, route, over),
      nothingHeld: (family) => real.nothingHeld(family),
      compile(change: TableChange) {
        const wrong = mutate(change.table)
        const program = real.compile(fullDifference(before(change.table), wrong))
        applied.set(change.family, wrong)
        return program
      },
      reconcile(held, table) {
        const wrong = mutate(table)
        applied.set(table.family, wrong)
        return real.reconcile(held, wrong)
      },
      print: (program) => real.print(program),
      measure: (program) => real.measure(program),
      apply: (program) => real.apply(program),
      trace: (table, evaluation) => real.trace(table, evaluation),
      stop: () => real.stop(),
      cleanup: () => real.cleanup(),
    }
    return wrapped
  }
}

const routes = (change: (route: ServiceRoute) => ServiceRoute): Mutate => {
  const known = new WeakMap<ServiceRoute, ServiceRoute>()
  return (table) => ({
    ...table,
    clusterIPs: new Set(table.clusterIPs),
    serviceCidrs: new Set(table.serviceCidrs),
    nodePortAddresses: new Set(table.nodePortAddresses),
    hairpinAddresses: new Set(table.hairpinAddresses),
    localAddresses: new Set(table.localAddresses),
    frontends: new Map(table.frontends),
    routes: new Map(
      [...table.routes].map(([key, route]) => {
        const wrong = known.get(route) ?? change(route)
        known.set(route, wrong)
        return [key, wrong]
      }),
    ),
  })
}

const verdicts = (change: (verdict: Verdict) => Verdict): Mutate =>
  routes((route) => ({
    ...route,
    frontends: route.frontends.map((frontend) => ({
      ...frontend,
      verdicts: {
        pod: change(frontend.verdicts.pod),
        node: change(frontend.verdicts.node),
        outside: change(frontend.verdicts.outside),
      },
    })),
  }))

const rows: readonly {
  claim: string
  mutate: Mutate
  /** Part of the name of a row that must fail, and of one that must not. */
  fails: string
  passes: string
}[] = [
  {
    claim: 'a dataplane that never masquerades is found out',
    mutate: verdicts((one) => (one.do === 'balance' ? { ...one, masquerade: false } : one)),
    fails: 'a ClusterIP masquerades what comes from the node or from outside',
    passes: 'a ClusterIP reaches every endpoint of the Service, and nothing else',
  },
  {
    claim: 'a dataplane that masquerades everybody is found out',
    mutate: verdicts((one) => (one.do === 'balance' ? { ...one, masquerade: true } : one)),
    fails: 'a ClusterIP reaches every endpoint of the Service, and nothing else',
    passes: 'a ClusterIP masquerades what comes from the node or from outside',
  },
  {
    claim: 'a dataplane that rejects where it should drop is found out',
    mutate: verdicts((one) => (one.do === 'drop' ? { do: 'reject' } : one)),
    fails: 'no local endpoint an outside client is dropped, not refused',
    passes: 'a Service without endpoints refuses at each of its destinations',
  },
  {
    claim: 'a dataplane that drops where it should reject is found out',
    mutate: verdicts((one) => (one.do === 'reject' ? { do: 'drop' } : one)),
    fails: 'a Service without endpoints refuses at each of its destinations',
    passes: 'no local endpoint an outside client is dropped, not refused',
  },
  {
    claim: 'a dataplane that forgets an endpoint is found out',
    mutate: routes((route) => ({
      ...route,
      endpoints: {
        cluster: route.endpoints.cluster.slice(0, Math.max(1, route.endpoints.cluster.length - 1)),
        local: route.endpoints.local,
      },
    })),
    fails: 'a ClusterIP reaches every endpoint of the Service, and nothing else',
    passes: 'with internalTrafficPolicy Local a ClusterIP reaches local endpoints only',
  },
  {
    claim: 'a dataplane that ignores loadBalancerSourceRanges is found out',
    mutate: routes((route) => ({
      ...route,
      frontends: route.frontends.map(({ allowedSources: _, ...frontend }) => frontend),
    })),
    fails: 'a client within loadBalancerSourceRanges is served, everybody else dropped',
    passes: 'a range of everything opens the load balancer address to everybody',
  },
  {
    claim: 'a dataplane that has no hairpin is found out',
    mutate: (table) => ({ ...routes((route) => route)(table), hairpinAddresses: new Set() }),
    fails: 'an endpoint that reaches itself is masqueraded, and is not when it reaches another one',
    passes: 'a ClusterIP reaches every endpoint of the Service, and nothing else',
  },
  {
    claim:
      'a dataplane that lets other ports of ClusterIPs pass is found out, and so is one that lets pings pass',
    mutate: (table) => ({
      ...routes((route) => route)(table),
      clusterIPs: new Set(),
      serviceCidrs: new Set(),
    }),
    fails: 'ping to an active ClusterIP is refused',
    passes: 'other ports of external and load balancer addresses are left alone, and so is ping',
  },
  {
    claim: 'a dataplane without session affinity is found out',
    mutate: routes(({ affinitySeconds: _, ...route }) => route),
    fails: 'with session affinity a client stays with its endpoint',
    passes: 'while traffic policies are switched, outside clients are served all the time',
  },
]

for (const { claim, mutate, fails, passes } of rows) {
  test.serial(claim, async (t) => {
    const { rows } = await runConformance({
      factory: mutant(mutate),
      families: ['IPv4'],
      filter: ({ name }) => name.includes(fails) || name.includes(passes),
    })
    const outcomes = (part: string) => [
      ...new Set(rows.filter(({ name }) => name.includes(part)).map(({ outcome }) => outcome)),
    ]
    t.deepEqual(outcomes(fails), ['failed'])
    t.deepEqual(outcomes(passes), ['passed'])
  })
}

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
