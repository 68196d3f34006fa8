import type { Lab } from '@portolan/lab'
import { type ProbeName, probePort, probeServices } from '../cluster/probe-services.ts'
import type { Stage } from './stage.ts'

/** Milliseconds between two connections: often enough to meet a gap, seldom enough not to be the load itself. */
const everyMs = 5
/** TCP repeats a lost SYN after a second; an answer that takes half of one has lost its first packet. */
const timeoutMs = 500

export interface ConnectionCount {
  readonly tried: number
  readonly lost: number
}

/** Opens connections from a pod to a probe Service until it is stopped. */
export async function countConnections(
  { pods }: Lab,
  which: ProbeName,
): Promise<{ stop(): Promise<ConnectionCount> }> {
  const [pod] = pods
  if (pod === undefined) throw new Error('the lab has no pod')
  const to = { address: probeServices[which].clusterIP, port: probePort }
  const loop = await pod.startConnectLoop({ to, everyMs, timeoutMs })
  return {
    async stop() {
      const { attempts, results } = await loop.stop()
      return { tried: attempts, lost: attempts - results.answered }
    },
  }
}

/**
 * The same, recorded under a scenario's name when it is stopped.
 * @param which by default one that nothing changes
 */
export async function watchConnections(
  stage: Stage,
  which: ProbeName = 'first',
): Promise<(scenario: string) => Promise<void>> {
  const counting = await countConnections(stage.lab, which)
  return async (scenario) => {
    const { tried, lost } = await counting.stop()
    stage.record(scenario, 'connectionsTried', tried)
    stage.record(scenario, 'connectionsLost', lost)
  }
}
