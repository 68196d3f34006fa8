import { type Lab, remotePodAddress } from '@portolan/lab'
import { probePod, probePort, probeTargetPort } from '../cluster/probe-services.ts'
import { monotonic } from '../measure/clock.ts'
import { firstPacketAt } from '../measure/first-packet.ts'
import { readKernelMemory, readMapMemory } from '../measure/kernel-memory.ts'
import type { StartReport } from '../proxy/proxy-under-test.ts'
import { watchConnections } from './connection-loss.ts'
import { insideOf, type Stage, type StageScenario } from './node-scenario.ts'
import { recordUsage } from './usage.ts'

const usualPatienceMs = 20 * 60_000

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
    const { name } = warmRestart
    await watchConnections(stage, name, async () => {
      await stage.subject.stop('stay')
      await start(stage, name)
    })
  },
}

async function start(stage: Stage, scenario: string): Promise<void> {
  const { subject, lab, address } = stage
  const begun = monotonic()
  await subject.start(lab.node, address)
  if (subject.inside === undefined) {
    await untilReachable(lab, stage)
    stage.record(scenario, 'startToProgrammed', monotonic() - begun)
  } else {
    const report = await subject.inside.started()
    refuseHalfPrograms(report)
    stage.record(scenario, 'startToProgrammed', report.firstApplied - report.processStarted)
    stage.record(scenario, 'listToCommit', report.firstApplied - report.received)
    // All tools that it has started so far were for the apply.
    const { childrenMs } = await subject.usage()
    stage.record(scenario, 'listToCommitCpu', report.cpuMs + childrenMs)
    stage.record(scenario, 'compute', report.computeMs)
    stage.record(scenario, 'compile', report.compileMs)
    stage.record(scenario, 'apply', report.applyMs)
    stage.record(scenario, 'operations', report.operations)
    stage.record(scenario, 'bytesToKernel', report.bytes)
  }
  await recordUsage(stage, scenario)
}

/** Resolves when the first, the middle and the last probe Service answer: what a start is for, however it is done. */
export async function untilReachable(
  { pods }: Lab,
  { patienceMs = usualPatienceMs, subject, address }: Pick<Stage, 'patienceMs' | 'subject' | 'address'>,
): Promise<void> {
  const [pod] = pods
  for (const clusterIP of Object.values(address.probes)) {
    if (pod === undefined) throw new Error('the lab has no pod')
    await firstPacketAt(pod, {
      to: { address: clusterIP, port: probePort },
      expected: { address: remotePodAddress('IPv4', probePod), port: probeTargetPort },
      timeoutMs: patienceMs,
      ended: subject.ended,
    })
  }
}

/** A dataplane that holds only a part of the cluster does less work than the others, and would look quick. */
function refuseHalfPrograms({ degraded }: StartReport): void {
  // A recorded cluster may have a few Services of a protocol that a dataplane declares as a gap.
  const tolerated = 0.01
  if (degraded.routes <= degraded.of * tolerated) return
  throw new Error(
    `${degraded.routes} of ${degraded.of} routes could not be programmed: ${degraded.reason} (--dataplane 'NAME?SETTING=VALUE')`,
  )
}
