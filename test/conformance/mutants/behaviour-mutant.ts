import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { CompiledProgram, Dataplane, DataplaneFactory, IpFamily, RoutingTable } from '@portolan/core'
import { emptyTable, fullDifference } from '@portolan/core/table'
import { systemPath } from '@portolan/native/system-command'

export type AnyDataplane = Dataplane

/** What a mutant has to do its mischief with. */
export interface Mischief {
  readonly real: AnyDataplane
  /** Runs lines of nft in the node's namespace. */
  nft(...lines: readonly string[]): Promise<void>
  /** The table to which this instance last compiled or reconciled; from now on `wanted`. */
  advance(wanted: RoutingTable): RoutingTable
  /** As the real ones, but to another table than the one that is asked for. */
  compile(wanted: RoutingTable): CompiledProgram
  reconcile(observed: unknown, wanted: RoutingTable): CompiledProgram
  /** Calls back once for each family in which this instance finds a table that an earlier one left in the kernel. */
  atRestart(act: (family: IpFamily) => Promise<void>): Partial<AnyDataplane>
}

/** A dataplane that does one thing otherwise than the real one beneath it. */
export type Behaviour = (mischief: Mischief) => Partial<AnyDataplane>

/** The real dataplane with this behaviour. */
export function behaving(factory: DataplaneFactory, behaviour: Behaviour): DataplaneFactory {
  const create: DataplaneFactory['create'] = (options) => {
    const real = factory.create(options)
    const applied = new Map<IpFamily, RoutingTable>()
    const mischief: Mischief = {
      real,
      async nft(...lines) {
        const { networkNamespace } = options
        // Without one the dataplane is made to be asked what it can, and there is no node.
        if (networkNamespace === undefined) return
        await promisify(execFile)('nsenter', [`--net=${networkNamespace}`, 'nft', lines.join('\n')], {
          env: { PATH: systemPath },
        })
      },
      advance(wanted) {
        const before = applied.get(wanted.family) ?? emptyTable(wanted.family, wanted.podSource)
        // A table changes in place, and what it was is what the next difference starts from.
        applied.set(wanted.family, snapshot(wanted))
        return before
      },
      compile: (wanted) => real.compile(fullDifference(mischief.advance(wanted), wanted)),
      reconcile(observed, wanted) {
        mischief.advance(wanted)
        return real.reconcile(observed, wanted)
      },
      atRestart(act) {
        const begun = new Set<IpFamily>()
        const looks = new Set<Promise<unknown>>()
        return {
          async observe(family) {
            const look = real.observe(family)
            looks.add(look)
            const observed = await look
            // Both families go at once, and what is done for one must not take the other's look away.
            await Promise.allSettled(looks)
            looks.delete(look)
            if (begun.has(family)) return observed
            begun.add(family)
            const nothing = emptyTable(family, { by: 'none' })
            const [found, bare] = [observed, undefined].map((one) => real.print(real.reconcile(one, nothing)))
            if (found === bare) return observed
            await act(family)
            return await real.observe(family)
          },
        }
      },
    }
    const forwarded: AnyDataplane = {
      name: `mutant of ${real.name}`,
      contractVersion: real.contractVersion,
      capabilities: real.capabilities,
      probe: () => real.probe(),
      start: () => real.start(),
      observe: (family) => real.observe(family),
      isUnchanged: (family) => real.isUnchanged(family),
      ...(real.endpointOrder === undefined
        ? {}
        : { endpointOrder: (observed, route, scope) => real.endpointOrder?.(observed, route, scope) }),
      ...(real.upkeep === undefined ? {} : { upkeep: async (family) => real.upkeep?.(family) }),
      ...(real.forgetFlows === undefined
        ? {}
        : { forgetFlows: async (family, flows) => real.forgetFlows?.(family, flows) ?? nothingForgotten }),
      observedSets: (observed, table) =>
        real.observedSets?.(observed, table) ?? { nodePortAddresses: [], serviceCidrs: [] },
      compile: (change) => real.compile(change),
      reconcile: (observed, table) => mischief.reconcile(observed, table),
      print: (program) => real.print(program),
      apply: (program) => real.apply(program),
      trace: (table, evaluation) => real.trace(table, evaluation),
      stop: () => real.stop(),
      ...(real.remains === undefined ? {} : { remains: async () => real.remains?.() ?? [] }),
      ...(real.drain === undefined ? {} : { drain: async () => real.drain?.() ?? { connections: 0 } }),
      cleanup: () => real.cleanup(),
    }
    return { ...forwarded, ...behaviour(mischief) }
  }
  return { ...factory, create }
}

const nothingForgotten = { read: 0, deleted: 0 }

/** A copy that stays as it is. */
export function snapshot(table: RoutingTable): RoutingTable {
  return {
    ...table,
    family: table.family,
    podSource: table.podSource,
    routes: new Map(table.routes),
    frontends: new Map(table.frontends),
    clusterIPs: new Set(table.clusterIPs),
    serviceCidrs: new Set(table.serviceCidrs),
    nodePortAddresses: new Set(table.nodePortAddresses),
    hairpinAddresses: new Set(table.hairpinAddresses),
    healthCheckNodePorts: new Set(table.healthCheckNodePorts),
    localAddresses: new Set(table.localAddresses),
  }
}

/** Drops all packets of a family that pods and others send to addresses of Services of the lab, for a time. */
export async function outage({ nft }: Mischief, family: IpFamily, milliseconds: number): Promise<void> {
  const table = family === 'IPv4' ? 'ip mutant-outage' : 'ip6 mutant-outage'
  const services =
    family === 'IPv4'
      ? 'ip daddr { 10.96.0.0/12, 198.18.0.0/15 }'
      : 'ip6 daddr { fd00:10:96::/48, fd00:198::/32 }'
  const chains = ['prerouting', 'output'].flatMap((hook) => [
    `add chain ${table} ${hook} { type filter hook ${hook} priority -301; }`,
    `add rule ${table} ${hook} ${services} drop`,
  ])
  await nft(`add table ${table}`, ...chains)
  await sleep(milliseconds)
  await nft(`delete table ${table}`)
}
