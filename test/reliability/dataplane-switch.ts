import { setTimeout as sleep } from 'node:timers/promises'
import { ProxyProcess } from './proxy-process.ts'
import type { DataplaneName, Scene } from './scene.ts'
import { type LoadReport, type LoadSize, SteadyLoad } from './steady-load.ts'

/** What became of one change from a dataplane to another under load. */
export interface SwitchOutcome {
  readonly from: string
  readonly to: string
  readonly load: LoadReport
  /** Until every new connection was the new one's, from its start; until nothing was left of the old one once its connections had ended. */
  readonly seconds: { readonly switched: number; readonly removed: number }
  /** What was left of the old one, or what else went wrong. */
  readonly errors: readonly string[]
}

/** A dataplane with its options. */
export interface Choice {
  readonly name: DataplaneName
  readonly options?: readonly string[]
}

/** Each ordered pair is in it once. */
export const circuit: readonly Choice[] = [
  { name: 'nftables' },
  { name: 'iptables', options: ['variant=nft'] },
  { name: 'ebpf' },
  { name: 'nftables' },
  { name: 'ebpf' },
  { name: 'iptables', options: ['variant=legacy'] },
  { name: 'nftables' },
]

const settleMs = 1000
const limitMs = 120_000

/** One node, which goes from one dataplane to the next. */
export class SwitchedNode {
  readonly #scene: Scene
  #proxy: ProxyProcess
  #now: Choice

  constructor(scene: Scene) {
    this.#scene = scene
    this.#proxy = scene.proxy
    this.#now = { name: scene.dataplane }
  }

  /** The process that serves. */
  get proxy(): ProxyProcess {
    return this.#proxy
  }

  /** The process of another dataplane on this node, not started yet. */
  process({ name, options = [] }: Choice): ProxyProcess {
    const { networkNamespace } = this.#scene.lab.node
    return new ProxyProcess({
      networkNamespace,
      flags: this.#scene.flagsOf(name, options),
      slowness: this.#scene.slowness,
    })
  }

  /**
   * Ends the process of the one and starts that of the other, while packets flow.
   *
   * @param starting what is done instead of starting it once
   */
  async switchTo(
    to: Choice,
    size: LoadSize,
    starting: (successor: ProxyProcess) => Promise<void> = async (successor) => successor.start(),
  ): Promise<SwitchOutcome> {
    const from = this.#now
    const errors: string[] = []
    const load = await SteadyLoad.start(this.#scene.lab, size)
    await sleep(settleMs)
    await this.#proxy.stop()
    const successor = this.process(to)
    const begun = performance.now()
    let switched = 0
    try {
      await starting(successor)
      await successor.toldOneOf(['predecessor-drains', 'predecessor-removed'], { timeoutMs: limitMs })
      switched = performance.now() - begun
      await sleep(settleMs)
    } catch (error) {
      errors.push(error instanceof Error ? error.message : String(error))
    }
    await load.release()
    const ended = performance.now()
    try {
      await successor.told('predecessor-removed', { timeoutMs: limitMs })
      await sleep(settleMs)
    } catch (error) {
      errors.push(error instanceof Error ? error.message : String(error))
    }
    const removed = Math.max(0, performance.now() - ended - settleMs)
    const report = await load.stop()
    const left = await successor.command('cleanup', '--dataplane', from.name, '--force')
    if (!/nothing to remove|not on this node/.test(left.stdout))
      errors.push(`left of ${from.name}: ${left.stdout} ${left.stderr}`)
    const difference = await successor.difference()
    if (difference !== '') errors.push(`the kernel differs from ${to.name}: ${difference.slice(0, 500)}`)
    this.#proxy = successor
    this.#now = to
    return {
      from: describe(from),
      to: describe(to),
      load: report,
      seconds: { switched: switched / 1000, removed: removed / 1000 },
      errors,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#proxy.isRunning) await this.#proxy.kill()
    await this.#proxy.command('cleanup', '--force')
  }
}

function describe({ name, options = [] }: Choice): string {
  return [name, ...options].join(' ')
}

/** What makes an outcome a bad one, a line each. */
export function switchComplaints({ from, to, load, errors }: SwitchOutcome): string[] {
  const lost = load.lost + load.broken + load.unanswered
  // Only on the way from connection tracking to eBPF, and once for each flow at most.
  const excused = to.startsWith('ebpf') ? load.flowsOfNode : 0
  return [
    ...(load.repeated <= excused ? [] : [`${load.repeated} datagrams of the node had to be sent again`]),
    ...(lost === 0 ? [] : [`${load.lost} lost, ${load.broken} broken, ${load.unanswered} unanswered`]),
    ...(lost === 0 ? [] : load.examples),
    ...errors,
  ].map((line) => `${from} to ${to}: ${line}`)
}
