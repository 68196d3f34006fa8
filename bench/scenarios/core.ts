import type { CoreFigures } from '../core-only/core-process.ts'
import { WorkerProcess } from '../worker-process/worker-process.ts'
import type { CoreScenario } from './core-scenario.ts'

const changes = { quick: 5_000, thorough: 20_000 }

export const coreAlone: CoreScenario = {
  kind: 'core',
  name: 'core',
  meaning:
    'The core alone: JSON text to records, records to a routing table, and one endpoint at a time replaced.',
  async play({ shape, effort, record }) {
    const process = new WorkerProcess<{
      measure(shape: object, changes: number): Promise<CoreFigures>
    }>({ module: new URL('../core-only/core-process.ts', import.meta.url), flags: ['--expose-gc'] })
    try {
      const figures = await process.call('measure', shape, changes[effort])
      record('core', 'listParse', figures.parseMs)
      record('core', 'tableBuild', figures.buildMs)
      record('core', 'heap', figures.heapBytes)
      record('core', 'rssPeak', figures.peakRssBytes)
      record('core', 'recordToChange', figures.changesUs)
    } finally {
      await process.end()
    }
  },
}
