import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ApiServer, type ApiServerOptions, type Checkpoint, type Fault } from '@portolan/api-server'
import test from 'ava'
import * as fc from 'fast-check'
import type { ServiceRecord } from '../../../cluster/records.ts'
import { ObservedSource, shortTimings } from './observed-source.ts'
import { listRequests, node, service } from './small-cluster.ts'

/**
 * Random outages and changes, several hundred a property. `SEQUENCES=500` makes more of them; a failure prints seed and
 * path, and the shortest sequence.
 */
const sequences = Number(process.env.SEQUENCES ?? 10)

const names = ['a', 'b', 'c', 'd'] as const

type Bare =
  | 'reset'
  | 'go away'
  | 'freeze'
  | 'thaw'
  | 'stop'
  | 'start'
  | 'heal'
  | 'end watches'
  | 'compact'
  | 'back up'
  | 'restore'
  | 'garbage'

/** What may happen while a list is half read, and what becomes of the list. */
const interruptions = {
  reset: 'goes on',
  'go away': 'goes on',
  'cut off': 'goes on',
  'refuse 429': 'goes on',
  'refuse 503': 'goes on',
  apply: 'goes on',
  remove: 'goes on',
  'refuse 410': 'begins anew',
  compact: 'begins anew',
  restore: 'begins anew',
} as const

type Interruption = keyof typeof interruptions

const interruptionNames = Object.keys(interruptions) as Interruption[]

type Step =
  | { readonly do: Bare }
  | { readonly do: 'apply' | 'remove'; readonly name: (typeof names)[number] }
  | { readonly do: 'fail watches' | 'refuse'; readonly status: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'interrupt list'; readonly by: Interruption }

const oneOf = (...steps: readonly Bare[]) => fc.constantFrom(...steps).map((step): Step => ({ do: step }))

const change = fc.record({
  do: fc.constantFrom('apply', 'apply', 'remove'),
  name: fc.constantFrom(...names),
}) as fc.Arbitrary<Step>
const wait = fc.record({ do: fc.constant('wait'), ms: fc.integer({ min: 0, max: 60 }) }) as fc.Arbitrary<Step>
const refusal = (...statuses: readonly number[]) =>
  fc.record({
    do: fc.constantFrom('fail watches', 'refuse'),
    status: fc.constantFrom(...statuses),
  }) as fc.Arbitrary<Step>

/** After which every watch can go on where it was. */
const gentle = fc.oneof(
  oneOf('reset', 'go away', 'freeze', 'thaw', 'stop', 'start', 'heal', 'end watches'),
  refusal(429, 503, 504),
)
const harsh = fc.oneof(
  oneOf('compact', 'back up', 'restore', 'restore', 'garbage'),
  refusal(400, 401, 403, 404, 410, 500),
)

/** The next list's second page comes after something, or not at all. */
const interrupted = fc.record({
  do: fc.constant('interrupt list'),
  by: fc.constantFrom(...interruptionNames),
}) as fc.Arbitrary<Step>

const many = { minLength: 3, maxLength: 14 }
const gentleSequence = fc.array(fc.oneof(change, change, wait, gentle), many)
const anySequence = fc.array(fc.oneof(change, change, wait, gentle, harsh, interrupted), many)

/** So many that a list has two pages, and the first one comes in gzip. */
const ballast = Array.from({ length: 600 }, (_, index) =>
  service(`ballast-${index}`, `10.101.${index >> 8}.${index & 255}`),
)

/** A server for many sequences, and what of it the source should hold. */
class Scene implements AsyncDisposable {
  readonly server: ApiServer
  readonly #folder: string
  #running = true
  /** The number of the last write of each Service that there is. */
  #expected = new Map<string, number>()
  #backup: { readonly checkpoint: Checkpoint; readonly expected: ReadonlyMap<string, number> } | undefined
  #writes = 0
  #observed: ObservedSource | undefined
  #interruption: Interruption | undefined
  /** Whether the fault that there is was for one request alone. */
  #isPassing = false
  restores = 0
  /** First pages of lists of everything that were asked for. */
  lists = 0
  /** Lists that were interrupted. */
  interruptions = 0

  constructor(server: ApiServer, folder: string) {
    this.server = server
    this.#folder = folder
    server.onRequest = (request) => {
      if (this.#isPassing) this.server.heal()
      this.#isPassing = false
      this.lists += listRequests([request]).length
      if (request.path === '/api/v1/services' && request.query.has('continue')) this.#interrupt()
    }
  }

  static async start(options: ApiServerOptions): Promise<Scene> {
    const server = new ApiServer({ ...options, freezable: true })
    await server.start()
    server.apply(node('node-1'))
    server.load(ballast)
    return new Scene(server, await mkdtemp(join(tmpdir(), 'portolan-outages-')))
  }

  async source(): Promise<ObservedSource> {
    const kubeconfig = join(this.#folder, 'config')
    await this.server.writeKubeconfig(kubeconfig)
    const observed = await ObservedSource.start({ kubeconfig, timings: shortTimings })
    await observed.until((o) => o.allSynced)
    this.#observed = observed
    return observed
  }

  async take(step: Step): Promise<void> {
    const { server } = this
    switch (step.do) {
      case 'apply':
        this.#expected.set(step.name, ++this.#writes)
        server.apply(service(step.name, addressOf(this.#writes)))
        return
      case 'remove':
        this.#expected.delete(step.name)
        server.remove('Service', 'shop', step.name)
        return
      case 'fail watches':
        return server.failWatches('Service', step.status)
      case 'refuse':
        this.#isPassing = false
        return server.break('Service', { kind: 'status', status: step.status })
      case 'wait':
        return await sleep(step.ms)
      case 'reset':
        return server.resetConnections()
      case 'go away':
        return server.goAway()
      case 'freeze':
        if (this.#running) server.freeze()
        return
      case 'thaw':
        return server.thaw()
      case 'stop':
        if (this.#running) await server.stop()
        this.#running = false
        return
      case 'start':
        if (!this.#running) await server.start()
        this.#running = true
        return
      case 'heal':
        return server.heal()
      case 'end watches':
        return server.sendToWatches('Service', '', { end: true })
      case 'garbage':
        return server.sendToWatches('Service', 'no json\n')
      case 'compact':
        return server.compact()
      case 'interrupt list':
        this.#interruption = step.by
        return
      case 'back up':
        this.#backup = { checkpoint: server.checkpoint(), expected: new Map(this.#expected) }
        return
      case 'restore':
        if (!this.#restore()) return
        // A history in which the last event's object has been written anew can't be told from ours: first it's noticed.
        await this.recover()
        return await this.converged()
    }
  }

  /** Before a second page is answered. */
  #interrupt(): void {
    const by = this.#interruption
    if (by === undefined) return
    this.#interruption = undefined
    this.interruptions += 1
    switch (by) {
      case 'restore':
        this.#restore()
        return
      case 'apply':
      case 'remove':
        void this.take({ do: by, name: 'a' })
        return
      case 'cut off':
        this.#breakOnce({ kind: 'cut-off-gzip' })
        return
      case 'refuse 410':
      case 'refuse 429':
      case 'refuse 503':
        this.#breakOnce({ kind: 'status', status: Number(by.slice('refuse '.length)) })
        return
      default:
        void this.take({ do: by })
    }
  }

  #breakOnce(fault: Fault): void {
    this.server.break('Service', fault)
    this.#isPassing = true
  }

  #restore(): boolean {
    if (this.#backup === undefined) return false
    this.server.restore(this.#backup.checkpoint)
    this.#expected = new Map(this.#backup.expected)
    this.restores += 1
    return true
  }

  /** Ends all faults. */
  async recover(): Promise<void> {
    this.#isPassing = false
    this.#interruption = undefined
    await this.take({ do: 'start' })
    this.server.thaw()
    this.server.heal()
  }

  /** Waits until the source holds what the server has. */
  async converged(): Promise<void> {
    const expected = text([...this.#expected].map(([name, write]) => [name, addressOf(write)]))
    const count = ballast.length + this.#expected.size
    await this.#observed?.until(
      (o) => observedState(o) === expected && o.keys('Service').length === count,
      120_000,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

/** Writes are told apart by the ClusterIP. */
const addressOf = (write: number) => `10.100.${(write >> 8) & 255}.${write & 255}`

const writeOf = (address: string) => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)

const text = (pairs: readonly (readonly [string, string])[]) =>
  pairs
    .map(([name, address]) => `${name} ${address}`)
    .sort()
    .join(', ')

const observedState = (observed: ObservedSource) =>
  text(
    [...observed.records.values()]
      .filter((record): record is ServiceRecord => record.kind === 'Service')
      .filter(({ key }) => !key.includes('ballast'))
      .map((record) => [record.key.replace('shop/', ''), String(record.clusterIPs[0])]),
  )

const transports: readonly (readonly [string, ApiServerOptions])[] = [
  ['HTTP/2', {}],
  ['HTTP/1.1 over TLS', { http2: false }],
  ['plain HTTP/1.1', { plain: true }],
]

for (const by of interruptionNames) {
  test(`a list that is interrupted by "${by}" ${interruptions[by]}`, async (t) => {
    t.timeout(1_200_000)
    await using scene = await Scene.start({})
    await using observed = await scene.source()
    await scene.take({ do: 'apply', name: 'b' })
    await scene.take({ do: 'back up' })
    await scene.take({ do: 'apply', name: 'c' })
    await scene.converged()
    scene.lists = 0
    await scene.take({ do: 'interrupt list', by })
    await scene.take({ do: 'fail watches', status: 410 })
    await observed.until(() => scene.interruptions > 0, 120_000)
    await scene.converged()
    await observed.until(() => scene.server.watchCount('Service') === 1, 120_000)
    t.is(scene.interruptions, 1)
    if (interruptions[by] === 'goes on') t.is(scene.lists, 1)
    else t.true(scene.lists > 1)
  })
}

for (const [transport, options] of transports) {
  test(`${transport}: after outages that leave the history, watches go on without a list`, async (t) => {
    t.timeout(1_200_000)
    await using scene = await Scene.start(options)
    await fc.assert(
      fc.asyncProperty(gentleSequence, async (steps) => {
        await using observed = await scene.source()
        scene.lists = 0
        for (const step of steps) await scene.take(step)
        await scene.recover()
        await scene.converged()
        t.is(scene.lists, 0, observed.log.map(({ message }) => message).join('\n'))
      }),
      { numRuns: sequences, includeErrorInReport: true },
    )
  })

  test(`${transport}: after any outages the source holds what the server has, and nothing went back`, async (t) => {
    t.timeout(1_200_000)
    await using scene = await Scene.start(options)
    await fc.assert(
      fc.asyncProperty(anySequence, async (steps) => {
        await using observed = await scene.source()
        scene.restores = 0
        await scene.take({ do: 'back up' })
        for (const step of steps) await scene.take(step)
        await scene.recover()
        await scene.converged()
        const decreases = new Map<string, number>()
        const last = new Map<string, number>()
        for (const record of observed.delivered) {
          if (record.kind !== 'Service') continue
          const write = writeOf(String(record.clusterIPs[0]))
          if (write < (last.get(record.key) ?? 0))
            decreases.set(record.key, (decreases.get(record.key) ?? 0) + 1)
          last.set(record.key, write)
        }
        t.true([...decreases.values()].every((count) => count <= scene.restores))
      }),
      { numRuns: sequences, includeErrorInReport: true },
    )
  })
}
