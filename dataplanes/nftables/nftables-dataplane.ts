import { type DataplaneFactory, defineDataplane, type RoutingTable, type TableChange } from '@portolan/core'
import { capabilities } from './capabilities.ts'
import { compile } from './compile/compile.ts'
import { endpointOrder } from './compile/endpoint-order.ts'
import { print } from './compile/print.ts'
import type { NftProgram, TableMemory } from './compile/program.ts'
import { reconcile } from './compile/reconcile.ts'
import { observedSets } from './explain/observed-sets.ts'
import { trace } from './explain/trace.ts'
import { NftablesKernel } from './kernel/nftables-kernel.ts'
import { type OpenTransport, openTransport } from './kernel/open-transport.ts'
import { AffinityNumbers } from './layout/affinity-numbers.ts'
import type { Setting } from './layout/chain.ts'
import { nothingObserved, type ObservedState } from './layout/observed-state.ts'
import { settings } from './layout/settings.ts'

/**
 * See layout/table.ts for how packets are led, and kernel/transport.ts for how programs reach the kernel.
 *
 * @param open the real kernel's transport, unless a test has a model of it
 */
export function defineNftables(
  open: OpenTransport = openTransport,
): DataplaneFactory<NftProgram, ObservedState> {
  return defineDataplane({
    name: 'nftables',
    capabilities,
    settings,
    create({ masqueradeBit, networkNamespace, settings, notify }) {
      const settingOf = ({ family, podSource }: RoutingTable): Setting => ({
        family,
        podSource,
        masqueradeBit,
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
        kernel: new NftablesKernel({ networkNamespace, settings, notify, openTransport: open }),
        memory: (): TableMemory => ({ declared: new Set(), numbers: new AffinityNumbers() }),
      }
    },
  })
}
