import { setTimeout as sleep } from 'node:timers/promises'
import type { Build } from './build.ts'
import { kernelMemory, type Memory, peakMemory } from './memory.ts'
import { ProxyProcess } from './proxy-process.ts'
import type { DataplaneName, Scene } from './scene.ts'
import { type LoadReport, type LoadSize, SteadyLoad } from './steady-load.ts'

/** What became of one change from a dataplane to another under load. */
export interface SwitchOutcome {
  readonly from: string
  readonly to: string
  /** From one set of eBPF's maps to another, of other sizes or another layout. */
  readonly betweenMaps: boolean
  readonly load: LoadReport
  /** Until every new connection was the new one's, from its start; until nothing was left of the old one once its connections had ended. */
  readonly seconds: { readonly switched: number; readonly removed: number }
  readonly memory: Memory
  /** What was left of the old one, or what else went wrong. */
  readonly errors: readonly string[]
}

/** A dataplane with its options, flags of `portolan run`, and the build that has it. */
export interface Choice {
  readonly name: DataplaneName
  readonly options?: readonly string[]
  readonly flags?: readonly string[]
  /** Absent: the present one. */
  readonly build?: Build
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

/** What a start tells before nothing is left of the dataplane before, in its order; not every change has every step. */
export const steps = [
  'starting',
  'dataplane-usable',
  'cluster-synced',
  'first-apply',
  'node-in-sync',
  'predecessor-found',
  'predecessor-loses',
  'predecessor-drains',
] as const

/**
 * Starts it for each step, kills it as soon as it tells of that or a later one, and lets it run at last. Gives those that it
 * told of. One that is done, since its change has no such step, isn't killed any more.
 */
export async function killAtEachStep(successor: ProxyProcess): Promise<readonly string[]> {
  const seen: string[] = []
  for (const [index, step] of steps.entries()) {
    successor.start()
    await successor.toldOneOf([...steps.slice(index), 'predecessor-removed'])
    const told = successor.lines.map(({ event }) => event)
    if (told.includes(step)) seen.push(step)
    else if (told.includes('predecessor-removed')) return seen
    await successor.kill()
  }
  successor.start()
  return seen
}

const settleMs = 1000
const limitMs = 240_000
const betweenSamplesMs = 250

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

  /** The process of another dataplane or build on this node, not started yet. */
  process({ name, options = [], flags = [], build }: Choice): ProxyProcess {
    const { networkNamespace } = this.#scene.lab.node
    return new ProxyProcess({
      networkNamespace,
      flags: [...this.#scene.flagsOf(name, options), ...flags],
      slowness: this.#scene.slowness,
      ...(build === undefined ? {} : { build }),
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
    // One dataplane repairs its own rules; nobody is to be drained and removed.
    const isSame = from.name === to.name
    const errors: string[] = []
    const { lab, slowness } = this.#scene
    const load = await SteadyLoad.start(lab, { slowness, ...size })
    const timeoutMs = limitMs * slowness
    await sleep(settleMs)
    await this.#proxy.stop()
    const successor = this.process(to)
    const begun = performance.now()
    const before = kernelMemory()
    let highest = before
    const sampling = setInterval(() => {
      highest = Math.max(highest, kernelMemory())
    }, betweenSamplesMs)
    let switched = 0
    let ended = begun
    try {
      await starting(successor)
      const events = isSame ? ['node-in-sync'] : ['predecessor-drains', 'predecessor-removed']
      await successor.toldOneOf(events, { timeoutMs })
      switched = performance.now() - begun
      await sleep(settleMs)
    } catch (error) {
      errors.push(error instanceof Error ? error.message : String(error))
    }
    try {
      await load.release()
      ended = performance.now()
      if (!isSame) {
        await successor.told('predecessor-removed', { timeoutMs })
        await sleep(settleMs)
      }
    } catch (error) {
      errors.push(error instanceof Error ? error.message : String(error))
    } finally {
      clearInterval(sampling)
    }
    const removed = isSame ? 0 : performance.now() - ended - settleMs
    const memory = {
      process: successor.isRunning ? peakMemory(successor.pid) : 0,
      kernelWithBoth: highest - before,
      kernelAfter: kernelMemory() - before,
    }
    const report = await load.stop()
    if (!isSame) errors.push(...(await leftOf(from, successor)))
    const difference = await successor.difference()
    if (difference !== '') errors.push(`the kernel differs from ${to.name}: ${difference.slice(0, 500)}`)
    this.#proxy = successor
    this.#now = to
    return {
      from: describe(from),
      to: describe(to),
      betweenMaps: isSame && to.name === 'ebpf' && mapsOf(from) !== mapsOf(to),
      load: report,
      seconds: { switched: switched / 1000, removed: removed / 1000 },
      memory,
      errors,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#proxy.isRunning) await this.#proxy.kill()
    await this.#proxy.command('cleanup', '--force')
  }
}

async function leftOf({ name }: Choice, successor: ProxyProcess): Promise<string[]> {
  const { stdout, stderr } = await successor.command('cleanup', '--dataplane', name, '--force')
  return /nothing to remove|not on this node/.test(stdout) ? [] : [`left of ${name}: ${stdout} ${stderr}`]
}

/** Equal for equal maps. */
function mapsOf({ options = [], build }: Choice): string {
  const sizes = options.filter((option) => /^[a-z-]+-size=/.test(option)).sort()
  return [build?.name, ...sizes].join(' ')
}

function describe({ name, options = [], flags = [], build }: Choice): string {
  return [name, ...options, ...flags, ...(build?.name === undefined ? [] : [`of ${build.name}`])].join(' ')
}

/** What makes an outcome a bad one, a line each. */
export function switchComplaints(
  outcome: Pick<SwitchOutcome, 'from' | 'to' | 'load' | 'errors'> & Partial<SwitchOutcome>,
): string[] {
  const { from, to, betweenMaps = false, load, errors } = outcome
  // Hooks get the programs that use the other maps one after the other.
  const inBetween = betweenMaps ? Math.ceil(load.tried / 100) : 0
  const lost = (load.lost > inBetween ? load.lost : 0) + load.broken + load.unanswered
  // Only on the way from connection tracking to eBPF, and once for each flow at most.
  const excused = to.startsWith('ebpf') && !from.startsWith('ebpf') ? load.flowsOfNode : 0
  return [
    ...(load.repeated <= excused ? [] : [`${load.repeated} datagrams of the node had to be sent again`]),
    ...(lost === 0 ? [] : [`${load.lost} lost, ${load.broken} broken, ${load.unanswered} unanswered`]),
    ...(lost === 0 ? [] : load.examples),
    ...errors,
  ].map((line) => `${from} to ${to}: ${line}`)
}
