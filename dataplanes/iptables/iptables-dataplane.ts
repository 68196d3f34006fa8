import { type DataplaneFactory, defineDataplane, type RoutingTable, type TableChange } from '@portolan/core'
import { capabilities } from './capabilities.ts'
import { compile } from './compile/compile.ts'
import { DispatchTree } from './compile/dispatch-tree.ts'
import { print } from './compile/print.ts'
import type { IptablesProgram, TableMemory } from './compile/program.ts'
import { reconcile } from './compile/reconcile.ts'
import { endpointOrder } from './explain/held-order.ts'
import { heldSets } from './explain/held-sets.ts'
import { trace } from './explain/trace.ts'
import { IptablesKernel, type System } from './kernel/iptables-kernel.ts'
import { nothingHeld, type ObservedState } from './layout/held.ts'
import { mostClientSets } from './layout/sets.ts'
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
        mostClientSets: system.mostClientSets ?? mostClientSets,
      })
      return {
        compiler: {
          compile: (change: TableChange, memory: TableMemory) =>
            compile(change, settingOf(change.table), memory),
          reconcile: (held, table) => reconcile(held ?? nothingHeld(table.family), table, settingOf(table)),
          print,
          trace: (table, evaluation) => trace(evaluation, settingOf(table)),
          endpointOrder,
          heldSets,
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
