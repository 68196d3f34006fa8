import type { BenchResults } from '../../results.ts'
import { Selection } from '../selection.ts'
import { styleSeries } from '../series-style.ts'
import { coreAlone } from './core.ts'
import { coldStart, cpu, kernelWork, memory } from './cost.ts'
import type { Context, Figure } from './figure.ts'
import { firstPacket } from './first-packet.ts'
import { kindsOfChange } from './kinds-of-change.ts'
import { perEndpoints } from './per-endpoints.ts'
import { stages } from './stages.ts'
import { churn } from './steady-churn.ts'
import { firstPacketAfterChange, syncLatency } from './sync-latency.ts'

const figures: readonly ((context: Context) => Figure | undefined)[] = [
  syncLatency,
  kindsOfChange,
  firstPacketAfterChange,
  stages,
  churn,
  coldStart,
  cpu,
  memory,
  kernelWork,
  firstPacket,
  perEndpoints,
  coreAlone,
]

/** All figures for which a run has numbers, in the order of reading. */
export function drawFigures(results: BenchResults): Figure[] {
  const context = { selection: new Selection(results), styles: styleSeries(results.dataplanes), results }
  return figures.flatMap((draw) => draw(context) ?? [])
}
