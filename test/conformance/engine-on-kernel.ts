import { setTimeout as sleep } from 'node:timers/promises'
import { ApplyError, type Dataplane, type DataplaneFactory, ipFamilies } from '@portolan/core'
import { type Applied, Engine, type EngineObserver, realTiming, type Timing } from '@portolan/core/engine'
import type { Lab } from '@portolan/lab'
import { serviceShape, slices } from './case-objects.ts'
import type { Cluster } from './cluster.ts'
import { at, type EndpointShape } from './matrix-case.ts'
import { newCluster } from './node-specification.ts'
import { service } from './objects.ts'
import { place } from './place.ts'
import { missing } from './reconcile.ts'
import type { KitHooks } from './scenario.ts'

export interface EngineOnKernelOptions {
  readonly factory: DataplaneFactory
  readonly settings?: Readonly<Record<string, string>>
  readonly sabotage: NonNullable<KitHooks['sabotage']>
  /** How much slower than usual this machine is. Default 1. */
  readonly slowness?: number
}

/**
 * The core's engine with a dataplane on a real kernel, without packets: it applies what changes, tries again after a
 * failure, repairs every kind of damage that the dataplane knows, and a second engine finds nothing to do.
 *
 * @throws saying which of these it didn't
 */
export async function engineOnKernel(lab: Lab, options: EngineOnKernelOptions): Promise<void> {
  const { factory, sabotage, settings = {}, slowness = 1 } = options
  const { networkNamespace } = lab.node
  const open = (): Dataplane => factory.create({ masqueradeBit: 14, networkNamespace, settings })
  const { IPv4, IPv6 } = lab.node.addresses
  const cluster = newCluster({
    families: ipFamilies,
    localAddresses: [...IPv4, ...IPv6, '127.0.0.1', '::1'],
    localhostFamilies: [],
  })
  const timeout = limitMs * slowness
  for (let index = 0; index < 3; index++) declare(cluster, index, at('pod0', 'remote0'))

  const dataplane = new FailingOnce(open())
  const log = new Log()
  const applied = () => log.applied.length
  const engine = engineOf(dataplane.dataplane, cluster, log)
  await dataplane.dataplane.start()
  try {
    engine.start()
    await within(timeout, engine.firstApplied, 'the first apply')
    await inSync(open, cluster, { applied, timeout, when: 'after the start' })

    change(engine, cluster, () => declare(cluster, 1, at('pod1', 'remote1')))
    await log.until('change', timeout)
    await inSync(open, cluster, { applied, timeout, when: 'after a change' })

    dataplane.failNext()
    change(engine, cluster, () => declare(cluster, 2, at('pod1')))
    await log.until('retry', timeout)
    await inSync(open, cluster, { applied, timeout, when: 'after an apply that failed' })
    if (log.failures === 0) throw new Error('the engine was not told of the apply that failed')
  } finally {
    await engine.stop()
    await dataplane.dataplane.stop()
  }

  const repaired = await repairs(open, cluster, (way) => sabotage(networkNamespace, way), timeout)
  if (repaired.every(({ noticed }) => !noticed)) throw new Error('no damage was repaired')

  const second = open()
  const secondLog = new Log()
  const successor = engineOf(second, cluster, secondLog)
  await second.start()
  try {
    successor.start()
    await within(timeout, successor.firstApplied, 'the first apply of a second engine')
    const done = secondLog.applied.filter(({ why }) => why === 'start').map(({ report }) => report.operations)
    if (done.some((operations) => operations > 0))
      throw new Error(`a second engine changed what was already right: ${done.join(', ')} operations`)
  } finally {
    await successor.stop()
    await second.stop()
  }
}

/** Milliseconds for an apply or a repair: only spent when it doesn't come. */
const limitMs = 60_000

/** What became of one kind of damage. */
export interface Repair {
  /** As the hook `sabotage` counts them. */
  readonly way: number
  /** Seconds from the damage until the kernel held the table again, to a tenth. */
  readonly seconds: number
  /** Whether the engine has repaired something; otherwise nothing was to be repaired. */
  readonly noticed: boolean
}

/**
 * Damages a node in every way that the dataplane's author knows, while the core's engine keeps it, which looks every second
 * as on a node.
 *
 * @throws where the kernel still differs from the table after a minute, times the slowness
 */
export async function repairTimes(lab: Lab, options: EngineOnKernelOptions): Promise<readonly Repair[]> {
  const { factory, sabotage, settings = {}, slowness = 1 } = options
  const { networkNamespace } = lab.node
  const { IPv4, IPv6 } = lab.node.addresses
  const families = ipFamilies.filter((family) => factory.capabilities.families.includes(family))
  const cluster = newCluster({
    families,
    localAddresses: [...IPv4, ...IPv6, '127.0.0.1', '::1'],
    localhostFamilies: [],
  })
  for (let index = 0; index < 3; index++) declare(cluster, index, at('pod0', 'remote0'))
  const open = (): Dataplane => factory.create({ masqueradeBit: 14, networkNamespace, settings })
  const damage = (way: number) => sabotage(networkNamespace, way)
  return await repairs(open, cluster, damage, limitMs * slowness, { auditPeriod: 1000, timing: realTiming })
}

/** Each kind of damage meets an engine that has just started. */
async function repairs(
  open: () => Dataplane,
  cluster: Cluster,
  damage: (way: number) => Promise<boolean>,
  timeout: number,
  pace?: Pace,
): Promise<readonly Repair[]> {
  const all: Repair[] = []
  for (let way = 0, more = true; more; way++) {
    const dataplane = open()
    const log = new Log()
    const engine = engineOf(dataplane, cluster, log, pace)
    await dataplane.start()
    let seconds = 0
    try {
      engine.start()
      await within(timeout, engine.firstApplied, 'the first apply')
      more = await damage(way)
      const begun = performance.now()
      const when = `after damage number ${way}`
      // What ends with its process, no other process can see.
      const isSeen = dataplane.capabilities.gaps.outlivesProcess === undefined
      if (isSeen) await inSync(open, cluster, { applied: () => log.applied.length, timeout, when })
      else if (more) await repaired(dataplane, cluster, engine, { log, timeout, when })
      seconds = Math.round((performance.now() - begun) / 100) / 10
    } finally {
      await engine.stop()
      await dataplane.stop()
    }
    // A repair that the kernel has shows in the log a moment later.
    if (more) all.push({ way, seconds, noticed: log.repairs > 0 })
  }
  return all
}

/** Waits for a repair, and has the same instance look when nobody else asks it. */
async function repaired(
  dataplane: Dataplane,
  cluster: Cluster,
  engine: Engine,
  { log, timeout, when }: { readonly log: Log; readonly timeout: number; readonly when: string },
): Promise<void> {
  await log.until('repair', timeout)
  await engine.stop()
  const texts = await Promise.all(cluster.families.map((family) => missing(dataplane, cluster.table(family))))
  const left = texts.join('').trim()
  if (left !== '') throw new Error(`${when}, the kernel still differs: ${left.slice(0, 500)}`)
}

interface Pace {
  /** Milliseconds. */
  readonly auditPeriod: number
  readonly timing: Timing
}

function engineOf(
  dataplane: Dataplane,
  cluster: Cluster,
  observer: EngineObserver,
  { auditPeriod, timing }: Pace = { auditPeriod: 200, timing: unhurried },
): Engine {
  const tables = Object.fromEntries(cluster.families.map((family) => [family, cluster.builder(family)]))
  return new Engine({ dataplane, tables, auditPeriod, observer, timing })
}

/**
 * Audits take 1 % of a CPU, and rest a hundred times as long as they have overdrawn. Here the other threads of the test
 * count as well, so audits count for less: rests are no matter of this test.
 */
const unhurried: Timing = { ...realTiming, now: () => performance.now() / 100 }

function declare(cluster: Cluster, index: number, endpoints: readonly EndpointShape[]): void {
  const shape = serviceShape(place(index), {})
  cluster.set(service(shape), ...slices(shape, place(index), endpoints))
}

function change(engine: Engine, cluster: Cluster, act: () => void): void {
  act()
  for (const family of cluster.families) engine.notify(family)
}

/** A dataplane of which one apply fails before it reaches the kernel. */
class FailingOnce {
  readonly dataplane: Dataplane
  #fails = false

  constructor(real: Dataplane) {
    this.dataplane = new Proxy(real, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target)
        if (name === 'apply' && this.#fails) {
          this.#fails = false
          return async () => {
            throw new ApplyError('refused by the test')
          }
        }
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }

  failNext(): void {
    this.#fails = true
  }
}

class Log implements EngineObserver {
  readonly applied: Applied[] = []
  failures = 0
  readonly #seen = new Map<Applied['why'], number>()

  /** How many of its applies repaired drift. */
  get repairs(): number {
    return this.applied.filter(({ why }) => why === 'repair').length
  }

  onApplied(applied: Applied): void {
    this.applied.push(applied)
  }

  onFailed(): void {
    this.failures++
  }

  /** Until there is one more of this kind than when it was last asked. */
  async until(why: Applied['why'], timeout: number): Promise<void> {
    const seen = this.#seen.get(why) ?? 0
    const count = (): number => this.applied.filter((one) => one.why === why).length
    const end = performance.now() + timeout
    while (count() <= seen) {
      if (performance.now() > end) throw new Error(`no apply because of ${why} within ${timeout} ms`)
      await sleep(20)
    }
    this.#seen.set(why, count())
  }
}

interface Look {
  /** How often the engine has applied something so far. */
  readonly applied: () => number
  readonly timeout: number
  readonly when: string
}

/** Waits until a dataplane that knows nothing finds nothing missing. */
async function inSync(
  open: () => Dataplane,
  cluster: Cluster,
  { applied, timeout, when }: Look,
): Promise<void> {
  const end = performance.now() + timeout
  let seen = applied()
  let looking = open()
  await looking.start()
  try {
    for (;;) {
      // What a repair makes anew, only who opens it after that sees.
      if (applied() !== seen) {
        await looking.stop()
        seen = applied()
        looking = open()
        await looking.start()
      }
      const texts = await Promise.all(
        cluster.families.map((family) => missing(looking, cluster.table(family))),
      )
      const left = texts.join('').trim()
      if (left === '') return
      if (performance.now() > end) throw new Error(`${when}, the kernel still differs: ${left.slice(0, 500)}`)
      await sleep(100)
    }
  } finally {
    await looking.stop()
  }
}

async function within(timeout: number, done: Promise<void>, what: string): Promise<void> {
  const late = sleep(timeout, undefined, { ref: false }).then(() => {
    throw new Error(`${what} is not done within ${timeout} ms`)
  })
  await Promise.race([done, late])
}
