import { type Lab, remotePodAddress } from '@portolan/lab'
import { probePod, probePort, probeTargetPort } from '../cluster/probe-services.ts'
import { cpuOf } from '../measure/api-server-cost.ts'
import { monotonic } from '../measure/clock.ts'
import { firstPacketAt } from '../measure/first-packet.ts'
import { readKernelMemory, readMapMemory } from '../measure/kernel-memory.ts'
import type { StartReport } from '../proxy/proxy-under-test.ts'
import { watchConnections } from './connection-loss.ts'
import { internalsOf, type NodeFixture, type NodeScenario } from './node-scenario.ts'
import { recordUsage } from './usage.ts'

const defaultReadyTimeoutMs = 20 * 60_000

/** The only one that finds no proxy running: it starts it, for all others too. */
export const coldStart: NodeScenario = {
  kind: 'node',
  name: 'cold-start',
  meaning: 'The process starts on a node without rules.',
  fromOutside: true,
  async play(fixture) {
    const { name } = coldStart
    const before = readKernelMemory()
    if (fixture.address.serviceAccountDirectory === undefined) await startCounted(fixture, name)
    else await start(fixture, name)
    fixture.record(name, 'kernelMemory', Math.max(0, readKernelMemory() - before))
    if (fixture.proxy.internals === undefined) return
    const { heapBytes, pid } = internalsOf(fixture)
    fixture.record(name, 'mapMemory', readMapMemory(pid))
    fixture.record(name, 'heap', await heapBytes())
  },
}

/** The process starts on what its predecessor left: only what differs is to be applied, unnoticed by clients. */
export const warmRestart: NodeScenario = {
  kind: 'node',
  name: 'warm-restart',
  meaning: 'The process ends and starts again; the kernel holds all rules meanwhile.',
  fromOutside: false,
  async play(fixture) {
    const { name } = warmRestart
    await watchConnections(fixture, name, async () => {
      await fixture.proxy.stop('stay')
      await start(fixture, name)
    })
  },
}

/** With what the start costs a given API server. */
async function startCounted(fixture: NodeFixture, scenario: string): Promise<void> {
  const { server } = fixture
  const { sentBytes: before } = await server.call('cost')
  const cpu = await cpuOf(server, () => start(fixture, scenario))
  const { sentBytes: after } = await server.call('cost')
  if (cpu !== undefined) fixture.record(scenario, 'apiServerCpu', cpu)
  if (before !== undefined && after !== undefined) fixture.record(scenario, 'apiServerBytes', after - before)
}

async function start(fixture: NodeFixture, scenario: string): Promise<void> {
  const { proxy, lab, address } = fixture
  const begun = monotonic()
  await proxy.start(lab.node, address)
  if (proxy.internals === undefined) {
    await untilReachable(lab, fixture)
    fixture.record(scenario, 'startToProgrammed', monotonic() - begun)
  } else {
    const report = await proxy.internals.started()
    refuseHalfPrograms(report)
    fixture.record(scenario, 'startToProgrammed', report.firstApplied - report.processStarted)
    fixture.record(scenario, 'listToCommit', report.firstApplied - report.received)
    // All tools that it has started so far were for the apply.
    const { childrenMs } = await proxy.usage()
    fixture.record(scenario, 'listToCommitCpu', report.cpuMs + childrenMs)
    fixture.record(scenario, 'compute', report.computeMs)
    fixture.record(scenario, 'compile', report.compileMs)
    fixture.record(scenario, 'apply', report.applyMs)
    fixture.record(scenario, 'operations', report.operations)
    fixture.record(scenario, 'bytesToKernel', report.bytes)
  }
  await recordUsage(fixture, scenario)
}

/** Resolves when the first, the middle and the last probe Service answer: what a start is for, however it is done. */
export async function untilReachable(
  { pods }: Lab,
  {
    readyTimeoutMs = defaultReadyTimeoutMs,
    proxy,
    address,
  }: Pick<NodeFixture, 'readyTimeoutMs' | 'proxy' | 'address'>,
): Promise<void> {
  const [pod] = pods
  for (const clusterIP of Object.values(address.probes)) {
    if (pod === undefined) throw new Error('the lab has no pod')
    await firstPacketAt(pod, {
      to: { address: clusterIP, port: probePort },
      expected: { address: remotePodAddress('IPv4', probePod), port: probeTargetPort },
      timeoutMs: readyTimeoutMs,
      ended: proxy.ended,
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
