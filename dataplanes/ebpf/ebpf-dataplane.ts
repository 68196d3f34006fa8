import { type DataplaneFactory, defineDataplane } from '@portolan/core'
import { readPrograms } from '@portolan/native/libbpf'
import { capabilities } from './capabilities.ts'
import { compile } from './compile/compile.ts'
import { print } from './compile/print.ts'
import type { EbpfProgram } from './compile/program.ts'
import { reconcile } from './compile/reconcile.ts'
import { observedSets } from './explain/observed-sets.ts'
import { trace } from './explain/trace.ts'
import { EbpfKernel } from './kernel/ebpf-kernel.ts'
import { nothingObserved, type ObservedState } from './layout/observed-state.ts'
import { readSettings, settings } from './layout/settings.ts'

/**
 * See native/bpf for what happens to sockets and packets, and apply.ts for how programs reach the maps.
 *
 * @param readPrograms what is compiled of native/bpf
 */
export const ebpfOf = (readPrograms: () => Buffer): DataplaneFactory<EbpfProgram, ObservedState> =>
  defineDataplane({
    name: 'ebpf',
    capabilities,
    settings,
    create({ networkNamespace, settings, notify, nodeChanged }) {
      const kernel = new EbpfKernel({
        settings: readSettings(settings, networkNamespace),
        readPrograms,
        notify,
        nodeChanged,
      })
      const interfaces = () => kernel.interfaces
      return {
        // Endpoints are compared as sets: the table's order means nothing, and there is no endpointOrder.
        compiler: {
          compile: (change) => compile(change, interfaces),
          reconcile: (observedState: ObservedState | undefined, table) =>
            reconcile(observedState ?? nothingObserved(table.family), table, kernel.leftOut(table.family)),
          print,
          trace,
          observedSets,
        },
        kernel,
      }
    },
  })

export const ebpf = ebpfOf(readPrograms)
