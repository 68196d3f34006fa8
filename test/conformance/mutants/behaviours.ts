import { setTimeout as sleep } from 'node:timers/promises'
import {
  ApplyError,
  type CompiledProgram,
  type IpFamily,
  type RoutingTable,
  type ServiceRoute,
} from '@portolan/core'
import { emptyTable, fullDifference } from '@portolan/core/table'
import { type Behaviour, type Mischief, outage, snapshot } from './behaviour-mutant.ts'
import { routes, verdicts } from './table-mutant.ts'

const withoutAffinity = routes(({ affinitySeconds: _, ...route }) => route)
const affinityOf = (seconds: number) =>
  routes((route) => (route.affinitySeconds === undefined ? route : { ...route, affinitySeconds: seconds }))
const withoutOpenBesideRestricted = routes((route) => {
  if (route.frontends.every(({ allowedSources }) => allowedSources === undefined)) return route
  const frontends = route.frontends.filter(
    ({ kind, allowedSources }) =>
      (kind !== 'LoadBalancer' && kind !== 'ExternalIP') || allowedSources !== undefined,
  )
  return { ...route, frontends }
})
const refusing = verdicts(() => ({ do: 'reject' }))
const nothingDone = { operations: 0, bytes: 0, degraded: [] }

/** A program that does nothing, whatever it says. */
const idle = (family: IpFamily, operations: number): CompiledProgram & { readonly isIdle: true } => ({
  family,
  operations,
  findings: [],
  degraded: [],
  isIdle: true,
})

const isIdle = (program: CompiledProgram): boolean => 'isIdle' in program

/** A change goes by way of another table, where the kernel is for a time. */
function inTwoSteps(
  { real, advance }: Mischief,
  between: (table: RoutingTable) => RoutingTable,
  milliseconds: number,
): ReturnType<Behaviour> {
  const steps = new WeakMap<object, readonly [RoutingTable, RoutingTable, RoutingTable]>()
  return {
    compile(change) {
      const program = real.compile(change)
      const before = advance(change.table)
      steps.set(program as object, [before, snapshot(between(change.table)), snapshot(change.table)])
      return program
    },
    async apply(program) {
      const tables = steps.get(program as object)
      if (tables === undefined) return await real.apply(program)
      const [before, middle, after] = tables
      await real.apply(real.compile(fullDifference(before, middle)))
      await sleep(milliseconds)
      return await real.apply(real.compile(fullDifference(middle, after)))
    },
  }
}

/** Calls back before the program of every so many-th change is applied. */
function everyNth(
  count: number,
  { real }: Mischief,
  act: (family: IpFamily) => Promise<void>,
): ReturnType<Behaviour> {
  const changes = { IPv4: 0, IPv6: 0 }
  const ofChanges = new WeakMap<object, IpFamily>()
  return {
    compile(change) {
      const program = real.compile(change)
      ofChanges.set(program as object, change.family)
      return program
    },
    async apply(program) {
      const family = ofChanges.get(program as object)
      if (family !== undefined) {
        changes[family] += 1
        if (changes[family] % count === 0) await act(family)
      }
      return await real.apply(program)
    },
  }
}

/** Calls back instead of applying a change once the kit has seen, by `isUnchanged`, that something was damaged. */
function whenDamaged(
  { real }: Mischief,
  act: (table: RoutingTable) => Promise<never>,
): ReturnType<Behaviour> {
  let isDamaged = false
  const ofChanges = new WeakMap<object, RoutingTable>()
  return {
    async isUnchanged(family) {
      const is = await real.isUnchanged(family)
      isDamaged ||= !is
      return is
    },
    compile(change) {
      const program = real.compile(change)
      ofChanges.set(program as object, change.table)
      return program
    },
    async apply(program) {
      const table = ofChanges.get(program as object)
      if (table === undefined) isDamaged = false
      return isDamaged && table !== undefined ? await act(table) : await real.apply(program)
    },
  }
}

async function addForgottenAddress({ nft }: Mischief, family: IpFamily): Promise<void> {
  const [table, address] = family === 'IPv4' ? ['ip', '10.96.77.77'] : ['ip6', 'fd00:10:96::7777']
  await nft(`add element ${table} portolan cluster-ips { ${address} }`)
}

/**
 * The process that is killed, when it is: whether that was in the midst of an apply is chance, so it leaves something once
 * it has adopted, reconciled and looked.
 */
function leavesHalfOfIt(mischief: Mischief): ReturnType<Behaviour> {
  const looks = { IPv4: 0, IPv6: 0 }
  return {
    async observe(family) {
      const observed = await mischief.real.observe(family)
      looks[family] += 1
      if (looks[family] === 3) await addForgottenAddress(mischief, family)
      return observed
    },
  }
}

/** What dataplanes can do wrong besides understanding their tables wrongly; by name. */
export const behaviours = {
  /** A TCP client whose SYNs are sent again after one and three seconds hardly notices. */
  dropsAtRestart: (mischief) => mischief.atRestart((family) => outage(mischief, family, 2500)),

  flushesFirst: (mischief) => {
    let flushing: Promise<unknown> | undefined
    return mischief.atRestart(async () => {
      flushing ??= mischief.real.cleanup()
      await flushing
      await sleep(200)
    })
  },

  trustsWhatItFinds: (mischief) => {
    const { real } = mischief
    if (process.argv[1]?.includes('churning-process')) return leavesHalfOfIt(mischief)
    const trusting = new Set<IpFamily>()
    const families = new WeakMap<object, IpFamily>()
    return {
      ...mischief.atRestart(async (family) => {
        trusting.add(family)
      }),
      reconcile(observed, table) {
        const program = real.reconcile(observed, table)
        families.set(program as object, table.family)
        return program
      },
      async apply(program) {
        const family = families.get(program as object)
        return family !== undefined && trusting.delete(family) ? nothingDone : await real.apply(program)
      },
    }
  },

  /** Of its own family alone: the kit damages both at once, and looks at each what the damage has left. */
  deletesThenThrows: (mischief) =>
    whenDamaged(mischief, async ({ family, podSource }) => {
      const { real } = mischief
      await real.apply(real.reconcile(await real.observe(family), emptyTable(family, podSource)))
      throw new ApplyError('refused')
    }),

  appliesThenThrows: (mischief) =>
    whenDamaged(mischief, async (table) => {
      const { real } = mischief
      await real.apply(real.reconcile(await real.observe(table.family), table))
      throw new ApplyError('refused')
    }),

  alwaysUnchanged: () => ({ isUnchanged: async () => true }),

  /** Reads the kernel once, and then believes that it holds what was applied. */
  neverLooksAgain: ({ real }) => {
    const known = new Set<IpFamily>()
    return {
      reconcile(observed, table) {
        if (known.has(table.family)) return idle(table.family, 0)
        known.add(table.family)
        return real.reconcile(observed, table)
      },
      print: (program) => (isIdle(program) ? '' : real.print(program)),
      apply: async (program) => (isIdle(program) ? nothingDone : await real.apply(program)),
    }
  },

  /** And its own cleanup doesn't know it. */
  forgetsASet: ({ real, nft }) => ({
    async start() {
      await real.start()
      await nft('add table inet left-behind', 'add set inet left-behind clients { type ipv4_addr; }')
    },
  }),

  removesForeign: ({ real, nft }) => ({
    async cleanup() {
      const report = await real.cleanup()
      await nft('flush ruleset')
      return report
    },
  }),

  cleansNothing: () => ({ cleanup: async () => ({ removed: [] }) }),

  tellsNothingOfItself: () => ({ remains: async () => [] }),

  drainsByCleanup: ({ real }) => ({
    async drain() {
      await real.cleanup()
      return { connections: 1000 }
    },
  }),

  drainsNothing: () => ({ drain: async () => ({ connections: 1000 }) }),

  leavesSomethingByLooking: ({ real, nft }) => ({
    async observe(family) {
      await nft(`add table inet looked-at`)
      return await real.observe(family)
    },
    async cleanup() {
      const report = await real.cleanup()
      await nft('add table inet looked-at', 'delete table inet looked-at')
      return report
    },
  }),

  changesIPv4Only: ({ real }) => ({
    compile: (change) => (change.family === 'IPv6' ? idle('IPv6', 1) : real.compile(change)),
    apply: async (program) => (isIdle(program) ? nothingDone : await real.apply(program)),
  }),

  /** As one does that takes what it declares for the one kind for all that the other kind needs. */
  changesLeaveOpenAddressesOut: ({ compile }) => ({
    compile: (change) => compile(withoutOpenBesideRestricted(change.table)),
  }),

  /** Of the nftables dataplane's layout. */
  leavesAnAddress: (mischief) =>
    everyNth(20, mischief, async (family) => await addForgottenAddress(mischief, family)),

  forgetsClientsWithAChange: (mischief) => inTwoSteps(mischief, withoutAffinity, 0),

  forgetsClientsAtRestart: (mischief) => {
    const { real } = mischief
    const begun = new Set<IpFamily>()
    const tables = new WeakMap<object, RoutingTable>()
    return {
      ...mischief.atRestart(async (family) => {
        begun.add(family)
      }),
      reconcile(observed, table) {
        const program = real.reconcile(observed, table)
        tables.set(program as object, table)
        return program
      },
      async apply(program) {
        const table = tables.get(program as object)
        if (table === undefined || !begun.delete(table.family)) return await real.apply(program)
        for (const wrong of [withoutAffinity(table), table])
          await real.apply(real.reconcile(await real.observe(table.family), wrong))
        return nothingDone
      },
    }
  },

  movesAddressesInTwoSteps: (mischief) => {
    let before: ReadonlyMap<string, ServiceRoute> = new Map()
    return inTwoSteps(
      mischief,
      (table) => {
        const known = before
        before = new Map(table.routes)
        return routes((route) => ({
          ...route,
          frontends: route.frontends.filter(
            ({ kind }) => kind !== 'ExternalIP' || known.get(route.key) === route,
          ),
        }))(table)
      },
      150,
    )
  },

  refusesWhileItChanges: (mischief) => inTwoSteps(mischief, refusing, 100),

  stopsForHalfASecondInAHundredChanges: (mischief) =>
    everyNth(60, mischief, (family) => outage(mischief, family, 900)),

  /** The Service's packets get there; only the way back is closed, so that the client sees the silence that is due. */
  leaksWithoutAnAnswer: ({ real, nft, compile, reconcile }) => {
    const leaking = (table: RoutingTable): RoutingTable => ({
      ...routes((route) => route)(table),
      serviceCidrs: new Set(),
    })
    return {
      async start() {
        await real.start()
        await nft(
          'add table inet no-way-back',
          'add chain inet no-way-back prerouting { type filter hook prerouting priority -301; }',
          'add rule inet no-way-back prerouting iifname "eth2" ip saddr 10.96.0.0/12 drop',
          'add rule inet no-way-back prerouting iifname "eth2" ip6 saddr fd00:10:96::/48 drop',
        )
      },
      reconcile: (observed, table) => reconcile(observed, leaking(table)),
      compile: (change) => compile(leaking(change.table)),
    }
  },

  keepsFlows: () => ({ forgetFlows: async () => ({ read: 0, deleted: 0 }) }),

  favoursOneEndpoint: ({ reconcile, compile }) => {
    const biased = routes((route) => {
      const [first] = route.endpoints.cluster
      // Half of all connections and more, which no chance hides.
      const more = first === undefined ? [] : Array.from({ length: 4 }, () => first)
      const cluster = [...route.endpoints.cluster, ...more]
      return { ...route, endpoints: { ...route.endpoints, cluster } }
    })
    return {
      reconcile: (observed, table) => reconcile(observed, biased(table)),
      compile: (change) => compile(biased(change.table)),
    }
  },

  keepsClientsForEver: ({ reconcile, compile }) => ({
    reconcile: (observed, table) => reconcile(observed, affinityOf(3600)(table)),
    compile: (change) => compile(affinityOf(3600)(change.table)),
  }),

  forgetsClientsTooSoon: ({ reconcile, compile }) => ({
    reconcile: (observed, table) => reconcile(observed, affinityOf(1)(table)),
    compile: (change) => compile(affinityOf(1)(change.table)),
  }),
} as const satisfies Record<string, Behaviour>

export type BehaviourName = keyof typeof behaviours
