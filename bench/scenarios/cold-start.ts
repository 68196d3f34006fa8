import { readKernelMemory, readMapMemory } from '../measure/kernel-memory.ts'
import { watchConnections } from './connection-loss.ts'
import { insideOf, type Stage, type StageScenario } from './stage.ts'
import { recordUsage } from './usage.ts'

/** The only one that finds no subject running: it starts it, for all others too. */
export const coldStart: StageScenario = {
  kind: 'stage',
  name: 'cold-start',
  meaning: 'The process starts on a node without rules.',
  fromOutside: true,
  async play(stage) {
    const before = readKernelMemory()
    await start(stage, 'cold-start')
    const { name } = coldStart
    stage.record(name, 'kernelMemory', Math.max(0, readKernelMemory() - before))
    if (stage.subject.inside === undefined) return
    const { heapBytes, pid } = insideOf(stage)
    stage.record(name, 'mapMemory', readMapMemory(pid))
    stage.record(name, 'heap', await heapBytes())
  },
}

/** The process starts on what its predecessor left: only what differs is to be applied, and nobody notices. */
export const warmRestart: StageScenario = {
  kind: 'stage',
  name: 'warm-restart',
  meaning: 'The process ends and starts again; the kernel holds all rules meanwhile.',
  fromOutside: false,
  async play(stage) {
    const stop = await watchConnections(stage)
    await stage.subject.stop('stay')
    await start(stage, 'warm-restart')
    await stop('warm-restart')
  },
}

async function start(stage: Stage, scenario: string): Promise<void> {
  const { subject, lab, address } = stage
  await subject.start(lab.node, address)
  if (subject.inside !== undefined) {
    const report = await subject.inside.started()
    stage.record(scenario, 'startToProgrammed', report.firstApplied - report.processStarted)
    stage.record(scenario, 'listToCommit', report.firstApplied - report.received)
    stage.record(scenario, 'compute', report.computeMs)
    stage.record(scenario, 'compile', report.compileMs)
    stage.record(scenario, 'apply', report.applyMs)
    stage.record(scenario, 'operations', report.operations)
    stage.record(scenario, 'bytesToKernel', report.bytes)
  }
  await recordUsage(stage, scenario)
}
