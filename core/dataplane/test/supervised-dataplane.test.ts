import test from 'ava'
import fc from 'fast-check'
import { type IpFamily, parseAddress } from '../../network/address.ts'
import { emptyTable, fullDifference } from '../../table/diff.ts'
import type { RoutingTable } from '../../table/routing-table.ts'
import { frontendKey, type RouteKey, type ServiceRoute } from '../../table/service-route.ts'
import type { TableChange } from '../../table/table-change.ts'
import type { Clock } from '../../time/clock.ts'
import type { CompiledProgram } from '../compiled-program.ts'
import type { Compiler } from '../compiler.ts'
import type { DataplaneError } from '../dataplane-error.ts'
import { ApplyError, type Kernel } from '../kernel.ts'
import type { SupervisionOptions } from '../supervised-calls.ts'
import { SupervisedDataplane } from '../supervised-dataplane.ts'

const family: IpFamily = 'IPv4'
const never = (): Promise<never> => new Promise(() => {})

/** Time that passes when the test says so. */
class ManualClock implements Clock {
  #now = 0
  readonly #timers = new Set<{ readonly at: number; readonly task: () => void }>()

  now(): number {
    return this.#now
  }

  after(delayMs: number, task: () => void): () => void {
    const timer = { at: this.#now + delayMs, task }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  get waiting(): number {
    return this.#timers.size
  }

  async pass(milliseconds: number): Promise<void> {
    // A deadline is set when the turn in which a call began is over.
    await new Promise(setImmediate)
    this.#now += milliseconds
    for (const timer of this.#timers) {
      if (timer.at > this.#now) continue
      this.#timers.delete(timer)
      timer.task()
    }
    for (let turn = 0; turn < 10; turn++) await Promise.resolve()
  }
}

/** Names of routes. */
type Names = readonly string[] & CompiledProgram

const names = (list: readonly string[]): Names =>
  Object.assign([...list], { family, operations: list.length, findings: [], degraded: [] })

/** A kernel that holds the names of routes; whatever a test gives takes the place of a method. */
class PlainDataplane implements Compiler<Names, readonly string[]>, Kernel<Names, readonly string[]> {
  readonly name: string = 'acme'
  written: readonly string[] = []

  async probe() {
    return { usable: true, problems: [], facts: {} }
  }
  async open() {}
  async close() {}
  async observe() {
    return this.written
  }
  async isUnchanged() {
    return true
  }
  endpointOrder() {
    return undefined
  }
  compile({ table }: TableChange): Names {
    return names([...table.routes.keys()])
  }
  reconcile(_observed: readonly string[] | undefined, table: RoutingTable): Names {
    return names([...table.routes.keys()])
  }
  print(program: Names) {
    return program.join('\n')
  }
  async apply(program: Names) {
    this.written = program
    return { bytes: 0 }
  }
  trace() {
    return ['a rule']
  }
  async cleanup() {
    return { removed: [] as string[] }
  }
}

const capabilities = { families: ['IPv4', 'IPv6'], protocols: ['TCP'], gaps: {} } as const

function superviseDataplane(dataplane: PlainDataplane, options: SupervisionOptions): SupervisedDataplane {
  const parts = { compiler: dataplane, kernel: dataplane, memory() {} }
  const made = { name: dataplane.name, capabilities, parts, stopped: new AbortController() }
  return new SupervisedDataplane(made, options) as unknown as SupervisedDataplane
}

function supervise(broken: Partial<Record<keyof PlainDataplane | 'forgetFlows', unknown>>) {
  const clock = new ManualClock()
  const faults: DataplaneError[] = []
  const dataplane = Object.assign(new PlainDataplane(), broken) as PlainDataplane
  const supervised = superviseDataplane(dataplane, { clock, onFault: (fault) => faults.push(fault) })
  return { clock, dataplane, faults, supervised }
}

const table = emptyTable(family, { by: 'none' })
const change = fullDifference(table, table)

const throwing: readonly [string, (supervised: SupervisedDataplane) => unknown, RegExp][] = [
  ['probe', (one) => one.probe(), /^dataplane acme: probe failed: boom$/],
  ['open', (one) => one.start(), /^dataplane acme: open failed: boom$/],
  ['observe', (one) => one.observe(family), /^dataplane acme: observe of IPv4 failed: boom$/],
  ['compile', async (one) => one.compile(change), /^dataplane acme: compile of IPv4 failed: boom$/],
  ['reconcile', async (one) => one.reconcile([], table), /^dataplane acme: reconcile of IPv4 failed: boom$/],
  ['print', async (one) => one.print(one.compile(change)), /^dataplane acme: print of IPv4 failed: boom$/],
  ['trace', async (one) => one.trace(table, { verdict: 'none' } as never), /: trace of IPv4 failed: boom$/],
  ['apply', (one) => one.apply(one.compile(change)), /^dataplane acme: apply of IPv4 failed: boom$/],
  ['close', (one) => one.start().then(() => one.stop()), /^dataplane acme: close failed: boom$/],
  ['cleanup', (one) => one.cleanup(), /^dataplane acme: cleanup failed: boom$/],
]

for (const [method, call, message] of throwing) {
  test(`an error thrown by ${method} names dataplane, method and family`, async (t) => {
    const boom = () => {
      throw new TypeError('boom\n  second line')
    }
    const { supervised } = supervise({ [method]: boom })
    const error = await t.throwsAsync(async () => call(supervised), { message })
    t.is((error as DataplaneError).code, 'DATAPLANE_METHOD_FAILED')
    t.true(error?.cause instanceof TypeError)
  })
}

test('a refused program stays the error that the dataplane made of it', async (t) => {
  const refused = new ApplyError('no space', { operation: 'add element' })
  const { supervised } = supervise({ apply: async () => Promise.reject(refused) })
  t.is(await t.throwsAsync(async () => supervised.apply(supervised.compile(change))), refused)
})

test('what an error says to do is kept', async (t) => {
  const { supervised } = supervise({
    observe: async () => Promise.reject(Object.assign(new Error('no module'), { fix: 'modprobe ip_vs' })),
  })
  const error = await t.throwsAsync(async () => supervised.observe(family))
  t.is((error as DataplaneError).fix, 'modprobe ip_vs')
})

const hanging: readonly [string, number, (supervised: SupervisedDataplane) => Promise<unknown>][] = [
  ['probe', 30_000, (one) => one.probe()],
  ['open', 30_000, (one) => one.start()],
  ['observe', 300_000, (one) => one.observe(family)],
  ['apply', 300_000, (one) => one.apply(one.compile(change))],
  ['close', 5000, (one) => one.stop()],
  ['cleanup', 300_000, (one) => one.cleanup()],
]

for (const [method, deadline, call] of hanging) {
  test(`${method} that never returns fails at its deadline`, async (t) => {
    const { clock, supervised } = supervise({ [method]: never })
    if (['observe', 'apply', 'close'].includes(method)) await supervised.start()
    const outcome = call(supervised).then(
      () => 'done',
      (error: DataplaneError) => `${error.code} ${error.message}`,
    )
    await clock.pass(deadline - 1)
    t.is(await Promise.race([outcome, Promise.resolve('waiting')]), 'waiting')
    await clock.pass(1)
    t.regex(
      await outcome,
      new RegExp(`^DATAPLANE_METHOD_HANGS dataplane acme: ${method}.* has not returned for`),
    )
    t.is(clock.waiting, 0)
  })
}

test('while a call hangs no other call is made for its family, and one is as soon as it has returned', async (t) => {
  const hung = Promise.withResolvers<void>()
  let observed = 0
  const { clock, supervised } = supervise({
    async apply() {
      await hung.promise
      return { bytes: 0 }
    },
    async observe() {
      observed++
      return []
    },
  })
  await supervised.start()
  const apply = supervised.apply(supervised.compile(change))
  const failed = t.throwsAsync(apply, {
    message: /apply of IPv4 has not returned for 300 s; nothing of IPv4/,
  })
  await clock.pass(300_000)
  await failed
  const refused = t.throwsAsync(supervised.observe(family), {
    message: /apply of IPv4 has not returned for 600 s/,
  })
  await clock.pass(300_000)
  await refused
  t.is(observed, 0)
  await supervised.observe('IPv6')
  t.is(observed, 1)
  const waiting = supervised.observe(family)
  hung.resolve()
  await waiting
  t.is(observed, 2)
})

test('a look that hangs means unsure, is told once, and holds up nothing else', async (t) => {
  let asked = 0
  const { clock, faults, supervised } = supervise({
    isUnchanged() {
      asked++
      return never()
    },
  })
  const first = supervised.isUnchanged(family)
  await clock.pass(3000)
  t.false(await first)
  t.false(await supervised.isUnchanged(family))
  t.is(asked, 1)
  t.deepEqual(
    faults.map(({ message }) => message),
    ['dataplane acme: isUnchanged of IPv4 has not returned for 3 s'],
  )
  t.deepEqual(await supervised.observe(family), [])
})

test('a pass through flows that hangs fails at its deadline, and holds up nothing else', async (t) => {
  const { clock, supervised } = supervise({ forgetFlows: never })
  await supervised.start()
  const flows = { serversAt: () => [], signal: new AbortController().signal }
  const failed = t.throwsAsync(async () => supervised.forgetFlows?.(family, flows), {
    message: 'dataplane acme: forgetFlows of IPv4 has not returned for 300 s',
  })
  await clock.pass(300_000)
  await failed
  t.deepEqual(await supervised.observe(family), [])
})

test('no pass through flows begins beside one that hangs', async (t) => {
  let passes = 0
  const pass = Promise.withResolvers<{ read: number; deleted: number }>()
  const { clock, supervised } = supervise({
    forgetFlows: () => {
      passes++
      return pass.promise
    },
  })
  await supervised.start()
  const flows = { serversAt: () => [], signal: new AbortController().signal }
  const failed = t.throwsAsync(async () => supervised.forgetFlows?.(family, flows))
  await clock.pass(300_000)
  await failed
  const next = supervised.forgetFlows?.(family, flows)
  await clock.pass(1000)
  t.is(passes, 1)
  pass.resolve({ read: 1, deleted: 0 })
  t.deepEqual(await next, { read: 1, deleted: 0 })
  t.is(passes, 2)
})

test('a pass through flows tells what it did; nonsense counts as nothing, and is told', async (t) => {
  const flows = { serversAt: () => [], signal: new AbortController().signal }
  const fine = supervise({ forgetFlows: async () => ({ read: 7, deleted: 2 }) })
  t.deepEqual(await fine.supervised.forgetFlows?.(family, flows), { read: 7, deleted: 2 })
  const broken = supervise({ forgetFlows: async () => ({ read: -1 }) })
  t.deepEqual(await broken.supervised.forgetFlows?.(family, flows), { read: 0, deleted: 0 })
  t.regex(broken.faults[0]?.message ?? '', /forgetFlows of IPv4 returned \{"read":-1\}; ForgottenFlows/)
  t.is(supervise({}).supervised.forgetFlows, undefined, 'a dataplane without it needs no pass')
})

const nonsense = [
  undefined,
  null,
  7,
  'text',
  {},
  { bytes: -7 },
  { bytes: Number.NaN },
  { bytes: 0, degraded: 'none' },
]

for (const value of nonsense) {
  test(`an apply that returns ${JSON.stringify(value) ?? 'undefined'} has applied, and that is told once`, async (t) => {
    const { faults, supervised } = supervise({ apply: async () => value })
    const program = supervised.compile(change)
    for (let time = 0; time < 2; time++) {
      const { operations, bytes, degraded } = await supervised.apply(program)
      t.deepEqual([operations, bytes, degraded], [0, 0, []])
    }
    t.is(faults.length, 1)
    t.regex(faults[0]!.message, /^dataplane acme: apply of IPv4 returned .*; an ApplyReport has/)
  })
}

const broken: readonly [string, unknown, (one: SupervisedDataplane) => unknown][] = [
  ['probe', async () => ({ usable: 'yes' }), (one) => one.probe()],
  [
    'compile',
    () => ({ family, operations: -1, findings: [], degraded: [] }),
    async (one) => one.compile(change),
  ],
  ['reconcile', () => ({ family, operations: 1, degraded: [] }), async (one) => one.reconcile([], table)],
  ['print', () => 5, async (one) => one.print(one.compile(change))],
  ['trace', () => 'a line', async (one) => one.trace(table, { verdict: 'none' } as never)],
  ['cleanup', async () => undefined, (one) => one.cleanup()],
]

for (const [method, value, call] of broken) {
  test(`${method} that returns nonsense fails and says what it should return`, async (t) => {
    const { supervised } = supervise({ [method]: value })
    const error = await t.throwsAsync(async () => call(supervised))
    t.is((error as DataplaneError).code, 'DATAPLANE_RESULT_INVALID')
  })
}

test('a look that returns nonsense means unsure, an order that is none means that there is none', async (t) => {
  const { faults, supervised } = supervise({ isUnchanged: async () => 'yes', endpointOrder: () => 5 })
  t.false(await supervised.isUnchanged(family))
  t.is(supervised.endpointOrder?.([], route('a'), 'cluster'), undefined)
  t.is(faults.length, 2)
})

function route(name: string, port = 80): ServiceRoute {
  const address = parseAddress('10.96.0.1')!
  const verdict = { do: 'reject' } as const
  return {
    key: `shop/${name}:http/TCP` as RouteKey,
    name: `shop/${name}:http`,
    protocol: 'TCP',
    family,
    endpoints: { cluster: [], local: [] },
    frontends: [
      { kind: 'ClusterIP', address, port, verdicts: { pod: verdict, node: verdict, outside: verdict } },
    ],
  }
}

function tableOf(routes: readonly ServiceRoute[]): RoutingTable {
  return {
    ...table,
    routes: new Map(routes.map((one) => [one.key, one])),
    frontends: new Map(
      routes.map((one) => [frontendKey(parseAddress('10.96.0.1'), 'TCP', one.frontends[0]!.port), one.key]),
    ),
  }
}

/**
 * Ports at 1000 and above are poison. The kernel is changed by what the changes say, so that a `before` or an `after`
 * that the dataplane shouldn't have seen shows.
 */
class PoisonedDataplane extends PlainDataplane {
  kernel = new Map<string, number>()

  override compile(seen: TableChange): Names {
    const steps = seen.routes.flatMap(({ key, before, after }) => {
      check([before, after])
      if ((before === undefined) === this.kernel.has(key)) throw new Error(`${key}: wrong before`)
      return [
        before === undefined ? `+${key}` : after === undefined ? `-${key}` : `=${key}`,
        String(after?.frontends[0]?.port),
      ]
    })
    return names(steps)
  }

  override reconcile(_observed: readonly string[] | undefined, seen: RoutingTable): Names {
    check([...seen.routes.values()])
    const gone = [...this.kernel.keys()].filter((key) => !seen.routes.has(key as RouteKey))
    return names([
      ...gone.flatMap((key) => [`-${key}`, '']),
      ...[...seen.routes].flatMap(([key, { frontends }]) => [`=${key}`, String(frontends[0]!.port)]),
    ])
  }

  override async apply(program: Names) {
    for (let at = 0; at < program.length; at += 2) {
      const [operation = '', port = ''] = program.slice(at)
      const key = operation.slice(1)
      if (operation.startsWith('-')) this.kernel.delete(key)
      else this.kernel.set(key, Number(port))
    }
    return { bytes: 0 }
  }
}

function check(routes: readonly (ServiceRoute | undefined)[]): void {
  const poison = routes.find((one) => one !== undefined && one.frontends[0]!.port >= 1000)
  if (poison !== undefined) throw new RangeError(`port ${poison.frontends[0]!.port} is too much`)
}

const versions = fc.dictionary(
  fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
  fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 1, max: 999 }) }, fc.integer({ min: 1000, max: 1005 })),
)

test('whatever becomes of Services, those that can be compiled are applied and all others are named', async (t) => {
  const steps = fc.array(fc.record({ versions, how: fc.constantFrom('compile', 'reconcile') }), {
    maxLength: 12,
  })
  await fc.assert(
    fc.asyncProperty(steps, async (sequence) => {
      const dataplane = new PoisonedDataplane()
      const supervised = superviseDataplane(dataplane, {})
      let before = tableOf([])
      for (const step of sequence) {
        const after = tableOf(
          Object.entries(step.versions).map(([name, port]) => {
            const known = before.routes.get(route(name).key)
            return known?.frontends[0]?.port === port ? known : route(name, port)
          }),
        )
        const changed = fullDifference(before, after)
        const program = step.how === 'compile' ? supervised.compile(changed) : supervised.reconcile([], after)
        const { degraded } = await supervised.apply(program)
        const good = Object.entries(step.versions).filter(([, port]) => port < 1000)
        t.deepEqual(
          new Map([...dataplane.kernel].sort()),
          new Map(good.map(([name, port]) => [route(name).key as string, port] as const).sort()),
        )
        const concerned =
          step.how === 'compile' ? changed.routes.map(({ key }) => key) : [...after.routes.keys()]
        const bad = concerned.filter((key) => (after.routes.get(key)?.frontends[0]?.port ?? 0) >= 1000)
        t.deepEqual(degraded.map((one) => one.route).sort(), [...bad].sort())
        before = after
      }
    }),
    { numRuns: 300 },
  )
})

test('one route among thousands that cannot be compiled is found in few attempts', async (t) => {
  const routes = Array.from({ length: 4000 }, (_, index) =>
    route(`s${index}`, index === 1234 ? 1000 : 1 + (index % 900)),
  )
  const dataplane = new PoisonedDataplane()
  let attempts = 0
  const reconcile = dataplane.reconcile.bind(dataplane)
  dataplane.reconcile = (observed, seen) => {
    attempts++
    return reconcile(observed, seen)
  }
  const supervised = superviseDataplane(dataplane, {})
  const { degraded } = await supervised.apply(supervised.reconcile([], tableOf(routes)))
  t.deepEqual(degraded, [
    {
      route: 'shop/s1234:http/TCP',
      reason:
        "dataplane acme can't compile it, so it is left out: port 1000 is too much; report it to the author of the dataplane",
    },
  ])
  t.is(dataplane.kernel.size, 3999)
  t.true(attempts < 40, `${attempts}`)
})

test('a program of a class with private fields can be told of routes that are left out', async (t) => {
  class PrivateProgram implements CompiledProgram {
    readonly #names: readonly string[]
    readonly degraded = []
    constructor(list: readonly string[]) {
      this.#names = list
    }
    get family() {
      return family
    }
    get operations() {
      return this.#names.length
    }
    get findings() {
      return this.#names
    }
  }
  const { supervised } = supervise({
    reconcile(_: unknown, seen: RoutingTable) {
      if (seen.routes.has('shop/bad:http/TCP' as RouteKey)) throw new Error('unknown word')
      return new PrivateProgram([...seen.routes.keys()])
    },
  })
  const program = supervised.reconcile([], tableOf([route('bad', 1), route('good', 2)]))
  t.deepEqual([program.family, program.operations, program.findings], [family, 1, ['shop/good:http/TCP']])
  t.deepEqual(
    program.degraded.map(({ route }) => route),
    ['shop/bad:http/TCP'],
  )
  t.is((await supervised.apply(program)).operations, 1)
})

test('a dataplane that fails without any route at fault fails as a whole', (t) => {
  const { supervised } = supervise({
    reconcile() {
      throw new Error('no memory')
    },
  })
  t.throws(() => supervised.reconcile([], tableOf([route('a'), route('b', 81)])), {
    message: 'dataplane acme: reconcile of IPv4 failed: no memory',
  })
})
