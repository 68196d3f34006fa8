import { type DataplaneFactory, defineDataplane, type RoutingTable, type TableChange } from '@portolan/core'
import { capabilities } from './capabilities.ts'
import type { Setting } from './compile/base-rules.ts'
import { compile } from './compile/compile.ts'
import { emptyMemory } from './compile/memory.ts'
import { print } from './compile/print.ts'
import type { IpvsProgram } from './compile/program.ts'
import { reconcile } from './compile/reconcile.ts'
import { UnusableDestinations, withoutDestinations } from './compile/unusable-destinations.ts'
import { observedSets } from './explain/observed-sets.ts'
import { trace } from './explain/trace.ts'
import { type FamilyMemory, IpvsKernel, type System } from './kernel/ipvs-kernel.ts'
import { nothingObserved, type ObservedState } from './layout/observed-state.ts'
import { readSettings, settings } from './layout/settings.ts'

/**
 * See layout/sets.ts for how packets are led, and kernel/transport.ts for how programs reach the kernel.
 *
 * @param system this machine's, unless a test has a model of it
 */
export function defineIpvs(system: Partial<System> = {}): DataplaneFactory<IpvsProgram, ObservedState> {
  return defineDataplane({
    name: 'ipvs',
    capabilities,
    settings,
    create({ masqueradeBit, networkNamespace, settings: values, notify }) {
      const settings = readSettings(values, masqueradeBit)
      const { routeMarkBit } = settings
      const settingOf = ({ family, podSource }: RoutingTable): Setting => ({
        family,
        podSource,
        masqueradeBit,
        routeMarkBit,
      })
      return {
        // IPVS keeps destinations in an order of its own, which means nothing: there is no endpointOrder.
        compiler: {
          compile: (change: TableChange, { placed }: FamilyMemory) => compile(change, settings, placed),
          reconcile(observedState, table, { unusable }: FamilyMemory) {
            const from = observedState ?? nothingObserved(table.family)
            const program = reconcile(from, table, settings, settingOf(table))
            return withoutDestinations(program, unusable.among(program))
          },
          print,
          trace: (table, evaluation) => trace(table, evaluation, settings, settingOf(table)),
          observedSets,
        },
        kernel: new IpvsKernel({ networkNamespace, settings, system, notify }),
        memory: (): FamilyMemory => ({
          placed: emptyMemory({ masquerade: masqueradeBit, route: routeMarkBit }),
          unusable: new UnusableDestinations(),
        }),
      }
    },
  })
}
