import { type DataplaneFactory, defineDataplane, type RoutingTable, type TableChange } from '@portolan/core'
import { capabilities } from './capabilities.ts'
import { compile } from './compile/compile.ts'
import { DispatchTree } from './compile/dispatch-tree.ts'
import { print } from './compile/print.ts'
import type { IptablesProgram, TableMemory } from './compile/program.ts'
import { reconcile } from './compile/reconcile.ts'
import { endpointOrder } from './explain/observed-order.ts'
import { observedSets } from './explain/observed-sets.ts'
import { trace } from './explain/trace.ts'
import { IptablesKernel, type System } from './kernel/iptables-kernel.ts'
import { nothingObserved, type ObservedState } from './layout/observed-state.ts'
import { maxClientSets } from './layout/sets.ts'
import type { Setting } from './layout/setting.ts'
import { settings } from './layout/settings.ts'

/**
 * See docs/iptables-layout.md for how packets are led.
 *
 * @param system this machine's, unless a test has a model of it
 */
export function defineIptables(
  system: Partial<System> = {},
): DataplaneFactory<IptablesProgram, ObservedState> {
  return defineDataplane({
    name: 'iptables',
    capabilities,
    settings,
    create({ masqueradeBit, networkNamespace, settings, notify }) {
      const settingOf = ({ family, podSource }: RoutingTable): Setting => ({
        family,
        podSource,
        masqueradeBit,
        comments: settings.comments,
        maxClientSets: system.maxClientSets ?? maxClientSets,
      })
      return {
        compiler: {
          compile: (change: TableChange, memory: TableMemory) =>
            compile(change, settingOf(change.table), memory),
          reconcile: (observedState, table) =>
            reconcile(observedState ?? nothingObserved(table.family), table, settingOf(table)),
          print,
          trace: (table, evaluation) => trace(evaluation, settingOf(table)),
          endpointOrder,
          observedSets,
        },
        kernel: new IptablesKernel({ networkNamespace, settings, notify, system }),
        memory: (): TableMemory => ({
          tree: new DispatchTree(),
          clientSets: new Map(),
          waiting: new Set(),
        }),
      }
    },
  })
}
