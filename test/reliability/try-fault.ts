import { setTimeout as sleep } from 'node:timers/promises'
import type { Extent, Fault, Round } from './fault.ts'
import { type DataplaneName, type Scene, untilRight } from './scene.ts'
import { Traffic, type TrafficReport } from './traffic.ts'

/** What became of a fault on one dataplane. */
export interface Outcome {
  readonly group: string
  readonly fault: string
  readonly dataplane: DataplaneName
  readonly server: Scene['server']['name']
  /** How many times it was made. */
  readonly times: number
  readonly packets: TrafficReport
  /** Why packets are lost with any proxy; absent: none may be. */
  readonly losesPackets?: string
  /** Objects that were changed in the cluster. */
  readonly changes: number
  /** What was otherwise than the cluster says when its time was over: by packets, and in the kernel. A line each. */
  readonly changesLost: readonly string[]
  /** Until the node did what the cluster said, from the end of the fault or from the restart: the longest. */
  readonly seconds: number
  /** How many times the process was started again. */
  readonly restarts: number
  /** What else went wrong. */
  readonly errors: readonly string[]
}

/** Packets that kube-proxy would have brought through. */
export function packetsLost({ losesPackets, packets }: Outcome): number {
  return losesPackets === undefined ? packets.lost + packets.flowsLost + packets.broken : 0
}

export function isGood(outcome: Outcome): boolean {
  return packetsLost(outcome) === 0 && outcome.changesLost.length === 0 && outcome.errors.length === 0
}

/** Until packets flow steadily. */
const settleMs = 300
/** In which the kernel is to hold what the cluster says once packets go right: audits take their turns. */
const kernelLimitMs = 60_000

/** Makes a fault while packets flow, each of its rounds when the one before is over. */
export async function tryFault(
  scene: Scene,
  fault: Fault,
  { extent, onRound }: { readonly extent: Extent; readonly onRound?: (round: number, of: number) => void },
): Promise<Outcome> {
  const { dataplane, server, proxy, changes } = scene
  const rounds = fault.rounds({ extent, dataplane })
  const made = changes.made
  const result = { seconds: 0, restarts: 0, changesLost: [] as string[], errors: [] as string[] }
  const traffic = await Traffic.start(scene)
  await sleep(settleMs * scene.slowness)
  for (const [index, round] of rounds.entries()) {
    onRound?.(index + 1, rounds.length)
    try {
      await tryRound(scene, round, result)
    } catch (error) {
      result.errors.push(error instanceof Error ? error.message : String(error))
      // So that the faults after this one don't suffer for it.
      if (!proxy.isRunning) proxy.start()
      await untilRight(scene)
    }
  }
  const packets = await traffic.stop()
  const difference = await untilNoDifference(scene)
  if (difference !== '') result.changesLost.push(`the kernel differs: ${difference}`)
  // Rules outlive it, so that packets go on.
  if (!proxy.isRunning) result.errors.push(`the process ended after its last start:\n${proxy.lastWords}`)
  return {
    ...{ group: fault.group, fault: fault.name, dataplane, server: server.name, times: rounds.length },
    ...{ packets, changes: changes.made - made },
    ...(fault.losesPackets === undefined ? {} : { losesPackets: fault.losesPackets }),
    ...result,
  }
}

async function tryRound(
  scene: Scene,
  round: Round,
  result: { seconds: number; restarts: number; changesLost: string[]; errors: string[] },
): Promise<void> {
  const { proxy } = scene
  let since = (await round.inject(scene)) ?? performance.now()
  if (!proxy.isRunning) {
    if (round.mayEnd !== true) result.errors.push(`the process ended by itself:\n${proxy.lastWords}`)
    since = performance.now()
    proxy.start()
    result.restarts += 1
  }
  const { at, wrong } = await untilRight(scene)
  result.changesLost.push(...wrong)
  if (wrong.length > 0) result.errors.push(`the proxy's last words:\n${proxy.lastWords}`)
  result.seconds = Math.max(result.seconds, (at - since) / 1000)
  await round.after?.(scene)
}

async function untilNoDifference({ proxy, slowness }: Scene): Promise<string> {
  const end = performance.now() + kernelLimitMs * slowness
  for (;;) {
    const difference = await proxy.difference()
    if (difference === '' || performance.now() > end) return difference
    await sleep(500)
  }
}
