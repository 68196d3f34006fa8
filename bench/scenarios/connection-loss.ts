import type { Lab } from '@portolan/lab'
import type { ApiServerAddress } from '../cluster/api-server.ts'
import { type ProbeName, probePort } from '../cluster/probe-services.ts'
import type { NodeFixture } from './node-scenario.ts'

/** Milliseconds between two connections: often enough to meet a gap, seldom enough not to be the load itself. */
const everyMs = 5
/** Whether a first packet was lost the kernel tells, which counts what it sends again; no answer at all takes longer. */
const timeoutMs = 10_000

export interface ConnectionCount {
  readonly tried: number
  /** Their SYN had to be sent again, they were refused or reset, or had no answer in ten seconds. */
  readonly lost: number
}

/** A lab with probe Services in it. */
interface Probed {
  readonly lab: Lab
  readonly address: Pick<ApiServerAddress, 'probes'>
}

/** Opens connections from a pod to a probe Service until it is stopped. */
export async function countConnections(
  { lab, address }: Probed,
  which: ProbeName,
): Promise<{ stop(): Promise<ConnectionCount> }> {
  const [pod] = lab.pods
  if (pod === undefined) throw new Error('the lab has no pod')
  const to = { address: address.probes[which], port: probePort }
  const loop = await pod.startConnectLoop({ to, everyMs, timeoutMs })
  return {
    async stop() {
      const { attempts, lost } = await loop.stop()
      return { tried: attempts, lost }
    },
  }
}

/**
 * Does this work while connections are opened, and records them under a scenario's name when it is done. None is opened
 * any more after it, also where it fails.
 * @param which by default one that nothing changes
 */
export async function watchConnections<Result>(
  fixture: Probed & Pick<NodeFixture, 'record'>,
  scenario: string,
  work: () => Promise<Result>,
  which: ProbeName = 'first',
): Promise<Result> {
  const counting = await countConnections(fixture, which)
  let result: Result
  try {
    result = await work()
  } catch (error) {
    // A lab that is closed has no connections, either.
    await counting.stop().catch(() => {})
    throw error
  }
  const { tried, lost } = await counting.stop()
  fixture.record(scenario, 'connectionsTried', tried)
  fixture.record(scenario, 'connectionsLost', lost)
  return result
}
