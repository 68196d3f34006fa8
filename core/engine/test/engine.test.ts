import test from 'ava'
import {
  ApplyError,
  type CompiledProgram,
  contractVersion,
  type Dataplane,
} from '../../dataplane/contract.ts'
import { type IpFamily, ipFamilies, parseAddress } from '../../network/address.ts'
import { emptyTable, fullDifference } from '../../table/diff.ts'
import type { RoutingTable } from '../../table/routing-table.ts'
import type { TableChange } from '../../table/table-change.ts'
import { TouchedSets } from '../../table/touched.ts'
import { Engine, type EngineOptions } from '../engine.ts'
import type { LiveTable } from '../live-table.ts'
import type { Applied, Drift, EngineObserver, Failed } from '../observer.ts'
import { FakeTiming } from './fake-timing.ts'

/** A table of nothing but local addresses: enough to order, to lose and to repeat. */
class AddressTable implements LiveTable {
  readonly table: RoutingTable
  readonly udpServers = new Map()
  readonly #addresses: Set<string>
  #touched = new TouchedSets()

  constructor(family: IpFamily) {
    this.table = emptyTable(family, { by: 'none' })
    this.#addresses = this.table.localAddresses as ReadonlySet<string> as Set<string>
  }

  set(text: string, present = true): void {
    const address = parseAddress(text)!
    if (present) this.#addresses.add(address)
    else this.#addresses.delete(address)
    this.#touched.sets.localAddresses.add(address)
    this.#touched.triggerTimes.push(Number(text.split('.')[3]))
  }

  adoptSets(): void {}
  adoptOrder(): void {}

  drain(): TouchedSets {
    const touched = this.#touched
    this.#touched = new TouchedSets()
    return touched
  }
}

interface Program extends CompiledProgram {
  readonly add: readonly string[]
  readonly remove: readonly string[]
}

function textOf(add: readonly string[], remove: readonly string[]): string {
  return [...add.map((address) => `+${address}`), ...remove.map((address) => `-${address}`)].join(' ')
}

function programOf(family: IpFamily, add: readonly string[], remove: readonly string[]): Program {
  const operations = add.length + remove.length
  return { family, add, remove, operations, findings: [textOf(add, remove)], degraded: [] }
}

/** A kernel of sets of addresses that writes down every call, and fails or waits as it is told. */
class RecordingDataplane implements Dataplane<Program, ReadonlySet<string>> {
  readonly name = 'recording'
  readonly contractVersion = contractVersion
  readonly capabilities = { families: ipFamilies, protocols: ['TCP'], gaps: {} } as const
  readonly kernel: Record<IpFamily, Set<string>> = { IPv4: new Set(), IPv6: new Set() }
  readonly calls: string[] = []
  /** Called before every apply; what it throws, the apply throws; what it awaits, the apply awaits. */
  beforeApply: (program: Program) => Promise<void> | void = () => {}
  beforeObserve: (family: IpFamily) => Promise<void> | void = () => {}
  beforeCompile: () => void = () => {}
  readonly #underWay = new Set<IpFamily>()

  async #alone<Result>(family: IpFamily, work: () => Promise<Result>): Promise<Result> {
    if (this.#underWay.has(family)) throw new Error(`two calls at once for ${family}`)
    this.#underWay.add(family)
    try {
      return await work()
    } finally {
      this.#underWay.delete(family)
    }
  }

  /** Whether it is sure that no other tool changed the kernel. */
  sure = false

  async isUnchanged() {
    return this.sure
  }
  async probe() {
    return { usable: true, problems: [], facts: {} }
  }
  async start() {}
  async stop() {}
  async cleanup() {
    return { removed: [] }
  }
  trace() {
    return []
  }

  observe(family: IpFamily): Promise<ReadonlySet<string>> {
    return this.#alone(family, async () => {
      this.calls.push(`observe ${family}`)
      await this.beforeObserve(family)
      return new Set(this.kernel[family])
    })
  }

  compile({ family, localAddresses }: TableChange): Program {
    this.beforeCompile()
    return programOf(family, localAddresses.added, localAddresses.removed)
  }

  reconcile(observed: ReadonlySet<string> | undefined, table: RoutingTable): Program {
    const from = {
      ...emptyTable(table.family, table.podSource),
      localAddresses: observed ?? new Set(),
    } as RoutingTable
    const { family, localAddresses } = fullDifference(from, table)
    return programOf(family, localAddresses.added, localAddresses.removed)
  }

  print({ add, remove }: Program): string {
    return textOf(add, remove)
  }

  apply(program: Program) {
    return this.#alone(program.family, async () => {
      this.calls.push(`apply ${program.family} ${this.print(program)}`.trim())
      await this.beforeApply(program)
      const addresses = this.kernel[program.family]
      for (const address of program.add) {
        if (addresses.has(address)) throw new ApplyError(`${address} exists`)
        addresses.add(address)
      }
      for (const address of program.remove) {
        if (!addresses.delete(address)) throw new ApplyError(`${address} does not exist`)
      }
      return { operations: program.operations, bytes: 0, degraded: [] }
    })
  }
}

class Notes implements EngineObserver {
  readonly pending: IpFamily[] = []
  readonly unchanged: IpFamily[] = []
  onUnchanged = (family: IpFamily) => void this.unchanged.push(family)
  readonly applied: Applied[] = []
  readonly failed: Failed[] = []
  readonly drift: Drift[] = []
  onPending = (family: IpFamily) => void this.pending.push(family)
  onApplied = (applied: Applied) => void this.applied.push(applied)
  onFailed = (failed: Failed) => void this.failed.push(failed)
  onDrift = (drift: Drift) => void this.drift.push(drift)
  readonly disagreements: Drift[] = []
  onDisagreement = (drift: Drift) => void this.disagreements.push(drift)
}

function bench(options: Partial<EngineOptions> = {}) {
  const [four, six] = [new AddressTable('IPv4'), new AddressTable('IPv6')]
  const dataplane = new RecordingDataplane()
  const timing = new FakeTiming()
  const notes = new Notes()
  const engine = new Engine({
    dataplane: dataplane as Dataplane,
    tables: { IPv4: four },
    timing,
    observer: notes,
    ...options,
  })
  const change = (text: string, present = true) => {
    four.set(text, present)
    engine.notify('IPv4', timing.time)
  }
  return { four, six, dataplane, timing, notes, engine, change }
}

/** A gate that holds those who await it until it is opened. */
function gate() {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

test('nothing is read or written before the start', async (t) => {
  const { dataplane, timing, change, engine } = bench()
  change('10.0.0.1')
  await timing.pass(100_000)
  t.deepEqual(dataplane.calls, [])
  engine.start()
  await timing.pass(0)
  t.deepEqual(dataplane.calls, ['observe IPv4', 'apply IPv4 +10.0.0.1'])
})

test('a start adopts what the kernel holds and applies only the difference', async (t) => {
  const { dataplane, timing, change, engine, notes } = bench()
  dataplane.kernel.IPv4 = new Set(['10.0.0.1', '10.0.0.9'])
  change('10.0.0.1')
  change('10.0.0.2')
  engine.start()
  await timing.pass(0)
  t.deepEqual(dataplane.calls, ['observe IPv4', 'apply IPv4 +10.0.0.2 -10.0.0.9'])
  t.deepEqual(
    notes.applied.map(({ why }) => why),
    ['start'],
  )
})

test('an empty cluster also removes what a predecessor left', async (t) => {
  const { dataplane, timing, engine } = bench()
  dataplane.kernel.IPv4 = new Set(['10.0.0.9'])
  engine.start()
  await timing.pass(0)
  t.deepEqual([...dataplane.kernel.IPv4], [])
})

async function started(options: Partial<EngineOptions> = {}) {
  const bed = bench(options)
  bed.engine.start()
  await bed.timing.pass(0)
  bed.dataplane.calls.length = 0
  bed.notes.applied.length = 0
  return bed
}

test('a change is applied without any time passing, and without reading the kernel', async (t) => {
  const { dataplane, timing, change } = await started()
  change('10.0.0.1')
  await timing.pass(0)
  t.deepEqual(dataplane.calls, ['apply IPv4 +10.0.0.1'])
})

test('events of one delivery are one apply', async (t) => {
  const { dataplane, timing, change } = await started()
  change('10.0.0.1')
  change('10.0.0.2')
  await timing.pass(0)
  t.deepEqual(dataplane.calls, ['apply IPv4 +10.0.0.1 +10.0.0.2'])
})

test('a change that is undone before it is applied is none, and it is told so', async (t) => {
  const { dataplane, timing, change, notes } = await started()
  change('10.0.0.1')
  change('10.0.0.1', false)
  await timing.pass(0)
  t.deepEqual(dataplane.calls, [])
  t.deepEqual([notes.pending.length, notes.unchanged.length], [1, 1])
})

test('an audit that finds nothing tells of an event that came to nothing meanwhile', async (t) => {
  const { dataplane, timing, change, notes } = await started({ auditPeriod: 1000 })
  const { opened, open } = gate()
  dataplane.beforeObserve = () => opened
  await timing.pass(1000)
  change('10.0.0.1')
  change('10.0.0.1', false)
  open()
  await timing.pass(0)
  t.deepEqual(dataplane.calls, ['observe IPv4'])
  t.deepEqual(notes.unchanged, ['IPv4'])
})

test('a failure says what kind of apply it was and how long it took', async (t) => {
  const { dataplane, timing, change, notes } = await started()
  dataplane.beforeApply = () => {
    timing.time += 30
    throw new ApplyError('no')
  }
  change('10.0.0.1')
  await timing.pass(200)
  t.deepEqual(
    notes.failed.slice(0, 2).map(({ why, took }) => [why, took]),
    [
      ['change', 30],
      ['retry', 30],
    ],
  )
})

test('what arrives during an apply is coalesced into the next one', async (t) => {
  const { dataplane, timing, change } = await started()
  const { opened, open } = gate()
  dataplane.beforeApply = () => opened
  change('10.0.0.1')
  await timing.pass(0)
  change('10.0.0.2')
  await timing.pass(10)
  change('10.0.0.3')
  await timing.pass(10)
  t.deepEqual(dataplane.calls, ['apply IPv4 +10.0.0.1'])
  open()
  await timing.pass(0)
  t.deepEqual(dataplane.calls, ['apply IPv4 +10.0.0.1', 'apply IPv4 +10.0.0.2 +10.0.0.3'])
})

test('what arrives during the first apply is neither lost nor applied twice', async (t) => {
  const { dataplane, timing, change, engine } = bench()
  const { opened, open } = gate()
  dataplane.beforeApply = () => opened
  change('10.0.0.1')
  engine.start()
  await timing.pass(0)
  change('10.0.0.2')
  open()
  await timing.pass(0)
  t.deepEqual(dataplane.calls.slice(1), ['apply IPv4 +10.0.0.1', 'apply IPv4 +10.0.0.2'])
})

test('what arrives while the kernel is first read belongs to the first apply', async (t) => {
  const { dataplane, timing, change, engine } = bench()
  const { opened, open } = gate()
  dataplane.beforeObserve = () => opened
  engine.start()
  await timing.pass(0)
  change('10.0.0.1')
  open()
  await timing.pass(0)
  t.deepEqual(dataplane.calls, ['observe IPv4', 'apply IPv4 +10.0.0.1'])
})

test('minSyncPeriod counts from the end of one apply to the start of the next', async (t) => {
  const { dataplane, timing, change } = await started({ minSyncPeriod: 1000 })
  await timing.pass(1000)
  change('10.0.0.1')
  await timing.pass(0)
  t.is(dataplane.calls.length, 1, 'the first after a quiet time waits for nothing')
  change('10.0.0.2')
  await timing.pass(999)
  t.is(dataplane.calls.length, 1)
  change('10.0.0.3')
  await timing.pass(1)
  t.deepEqual(dataplane.calls[1], 'apply IPv4 +10.0.0.2 +10.0.0.3')
})

test('neither audits nor upkeep begin minSyncPeriod anew', async (t) => {
  const { dataplane, timing, change, engine } = bench({ minSyncPeriod: 10_000, auditPeriod: 1000 })
  Object.assign(dataplane, { upkeep: async () => void dataplane.calls.push('upkeep') })
  dataplane.sure = true
  engine.start()
  await timing.pass(10_500)
  t.is(dataplane.calls.at(-1), 'upkeep')
  change('10.0.0.1')
  await timing.pass(0)
  t.is(dataplane.calls.at(-1), 'apply IPv4 +10.0.0.1')
  await engine.stop()
})

test('a failed apply reads the kernel and applies what is missing from the newest table', async (t) => {
  const { dataplane, timing, change, notes } = await started()
  dataplane.beforeApply = () => {
    throw new ApplyError('out of memory')
  }
  change('10.0.0.1')
  await timing.pass(0)
  t.like(notes.failed[0], { family: 'IPv4', failures: 1, retryIn: 100 })
  dataplane.beforeApply = () => {}
  change('10.0.0.2')
  await timing.pass(99)
  t.is(dataplane.calls.length, 1, 'an event does not cut the back-off short')
  await timing.pass(1)
  t.deepEqual(dataplane.calls.slice(1), ['observe IPv4', 'apply IPv4 +10.0.0.1 +10.0.0.2'])
  t.like(notes.applied[0], { why: 'retry', setElements: 2, triggerTimes: [1, 2] })
  change('10.0.0.1', false)
  await timing.pass(0)
  t.is(dataplane.calls.at(-1), 'apply IPv4 -10.0.0.1', 'and from then on differences again')
})

test('a first apply that is to be verified counts when the kernel holds what was written', async (t) => {
  const { dataplane, timing, change, notes, engine } = bench({ verifiesFirst: true })
  let isFirst = false
  void engine.firstApplied.then(() => {
    isFirst = true
  })
  change('10.0.0.1')
  let looks = 0
  // Another tool takes it away before it is read back.
  dataplane.beforeObserve = () => {
    if (++looks === 2) dataplane.kernel.IPv4.clear()
  }
  engine.start()
  await timing.pass(99)
  t.deepEqual([isFirst, notes.failed.length], [false, 1])
  t.regex(String(notes.failed[0]?.error), /doesn't hold what was written for IPv4: \+10\.0\.0\.1/)
  await timing.pass(1)
  const written = 'apply IPv4 +10.0.0.1'
  t.deepEqual(dataplane.calls, [
    'observe IPv4',
    written,
    'observe IPv4',
    'observe IPv4',
    written,
    'observe IPv4',
  ])
  t.true(isFirst)
  change('10.0.0.2')
  await timing.pass(0)
  t.is(dataplane.calls.at(-1), 'apply IPv4 +10.0.0.2', 'and from then on nothing is read back')
  await engine.stop()
})

test('a failure that goes on is retried with growing pauses, and never given up', async (t) => {
  const { dataplane, timing, change, notes } = await started()
  dataplane.beforeApply = () => {
    throw new ApplyError('no')
  }
  change('10.0.0.1')
  await timing.pass(3_600_000)
  t.deepEqual(
    notes.failed.slice(0, 11).map(({ retryIn }) => retryIn),
    [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000],
  )
  t.true(notes.failed.length > 100)
  dataplane.beforeApply = () => {}
  await timing.pass(30_000)
  t.deepEqual([...dataplane.kernel.IPv4], ['10.0.0.1'])
})

test('a dataplane that cannot compile a change is a failure like any other', async (t) => {
  const { dataplane, timing, change, notes } = await started()
  dataplane.beforeCompile = () => {
    throw new TypeError('a defect')
  }
  change('10.0.0.1')
  await timing.pass(0)
  t.regex(String(notes.failed[0]?.error), /a defect/)
  await timing.pass(100)
  t.deepEqual([...dataplane.kernel.IPv4], ['10.0.0.1'], 'reconcile made up for it')
})

test('a kernel that cannot be read at the start is read again', async (t) => {
  const { dataplane, timing, change, engine, notes } = bench()
  dataplane.beforeObserve = () => {
    throw new Error('permission denied')
  }
  change('10.0.0.1')
  engine.start()
  await timing.pass(0)
  t.is(notes.failed.length, 1)
  dataplane.beforeObserve = () => {}
  await timing.pass(100)
  t.deepEqual([...dataplane.kernel.IPv4], ['10.0.0.1'])
  t.is(notes.applied[0]?.why, 'start')
})

test('a family that fails does not hold up the other', async (t) => {
  const six = new AddressTable('IPv6')
  const four = new AddressTable('IPv4')
  const { dataplane, timing, engine } = await started({ tables: { IPv4: four, IPv6: six } })
  dataplane.beforeApply = ({ family }) => {
    if (family === 'IPv4') throw new ApplyError('no')
  }
  four.set('10.0.0.1')
  engine.notify('IPv4')
  six.set('fd00::1')
  engine.notify('IPv6')
  await timing.pass(0)
  t.deepEqual([...dataplane.kernel.IPv6], ['fd00::1'])
  t.deepEqual([...dataplane.kernel.IPv4], [])
})

test('a family without a table is never touched', async (t) => {
  const { dataplane, timing, engine } = await started()
  engine.notify('IPv6')
  await timing.pass(1000)
  t.deepEqual(dataplane.calls, [])
  t.deepEqual(engine.families, ['IPv4'])
})

test('a stop waits for the apply under way, leaves the rules and starts no other', async (t) => {
  const { dataplane, timing, change, engine } = await started()
  const { opened, open } = gate()
  dataplane.beforeApply = () => opened
  change('10.0.0.1')
  await timing.pass(0)
  change('10.0.0.2')
  let stopped = false
  const stopping = engine.stop().then(() => {
    stopped = true
  })
  await timing.pass(0)
  t.false(stopped)
  open()
  await stopping
  await timing.pass(100_000)
  t.deepEqual([...dataplane.kernel.IPv4], ['10.0.0.1'])
})

test('a stop ends a back-off', async (t) => {
  const { dataplane, timing, change, engine } = await started()
  dataplane.beforeApply = () => {
    throw new ApplyError('no')
  }
  change('10.0.0.1')
  await timing.pass(0)
  await engine.stop()
  await timing.pass(100_000)
  t.is(dataplane.calls.length, 1)
})

test('an audit names drift and repairs it', async (t) => {
  const { dataplane, timing, change, notes } = await started({ auditPeriod: 1000 })
  change('10.0.0.1')
  await timing.pass(0)
  dataplane.kernel.IPv4 = new Set(['10.6.6.6'])
  await timing.pass(1000)
  t.like(notes.drift[0], { family: 'IPv4', operations: 2, findings: ['+10.0.0.1 -10.6.6.6'] })
  t.deepEqual([...dataplane.kernel.IPv4], ['10.0.0.1'])
  t.is(notes.applied.at(-1)?.why, 'repair')
})

test('an audit without drift applies nothing', async (t) => {
  const { dataplane, timing, notes } = await started({ auditPeriod: 1000 })
  await timing.pass(1000)
  t.deepEqual(dataplane.calls, ['observe IPv4'])
  t.deepEqual(notes.drift, [])
})

test('a kernel that is surely unchanged is not read', async (t) => {
  const { dataplane, timing } = await started({ auditPeriod: 1000 })
  dataplane.sure = true
  await timing.pass(10_000)
  t.deepEqual(dataplane.calls, [])
  dataplane.sure = false
  await timing.pass(1000)
  t.deepEqual(dataplane.calls, ['observe IPv4'])
})

test('an audit applies a change that comes meanwhile, and takes it for no drift', async (t) => {
  const { dataplane, timing, change, notes } = await started({ auditPeriod: 1000 })
  const { opened, open } = gate()
  dataplane.beforeObserve = () => opened
  await timing.pass(1000)
  change('10.0.0.1')
  open()
  await timing.pass(0)
  t.deepEqual(dataplane.calls, ['observe IPv4', 'apply IPv4 +10.0.0.1'])
  t.deepEqual(notes.drift, [], 'what was not applied yet is no drift')
})

test('drift is repaired however often the table changes', async (t) => {
  const { dataplane, timing, change, notes } = await started({ auditPeriod: 1000 })
  change('10.0.0.1')
  await timing.pass(0)
  dataplane.kernel.IPv4 = new Set(['10.6.6.6'])
  const { opened, open } = gate()
  dataplane.beforeObserve = () => opened
  await timing.pass(1000)
  change('10.0.0.2')
  open()
  await timing.pass(0)
  t.deepEqual([...dataplane.kernel.IPv4].sort(), ['10.0.0.1', '10.0.0.2'])
  t.is(notes.drift.length, 1)
  change('10.0.0.3')
  await timing.pass(0)
  t.deepEqual(
    [...dataplane.kernel.IPv4].sort(),
    ['10.0.0.1', '10.0.0.2', '10.0.0.3'],
    'what was applied with the repair is known',
  )
})

test('an audit is put off while an apply is under way', async (t) => {
  const { dataplane, timing, change } = await started({ auditPeriod: 1000 })
  dataplane.beforeApply = () => gate().opened
  change('10.0.0.1')
  await timing.pass(5000)
  t.deepEqual(dataplane.calls, ['apply IPv4 +10.0.0.1'])
})

test('a table that always changes does not keep an audit away for longer than a second or two', async (t) => {
  const { dataplane, timing, change, notes, engine } = await started({ auditPeriod: 1000 })
  let number = 0
  // Each apply takes a while, and the next change is there before it ends.
  dataplane.beforeApply = () => {
    timing.time += 15
    number++
    change(`10.0.${number >> 8}.${number & 255}`)
  }
  dataplane.kernel.IPv4.add('192.0.2.66')
  change('10.1.0.1')
  await timing.pass(1900)
  t.is(notes.drift.length, 0, 'the loop is never quiet')
  await timing.pass(2000)
  t.is(notes.drift.length, 1)
  t.true(notes.drift[0]?.findings.some((finding) => String(finding).includes('-192.0.2.66')))
  t.false(dataplane.kernel.IPv4.has('192.0.2.66'))
  t.deepEqual(notes.failed, [])
  const audits = dataplane.calls.filter((call) => call.startsWith('observe')).length
  t.true(audits <= 3, `${audits} audits: applies go on between them`)
  await engine.stop()
})

test('drift that is suspected again and again while a table always changes is looked for all the same', async (t) => {
  const { dataplane, timing, change, notes, engine } = await started({ auditPeriod: 60_000 })
  let number = 0
  dataplane.beforeApply = () => {
    timing.time += 15
    number++
    change(`10.0.${number >> 8}.${number & 255}`)
    engine.suspectDrift('IPv4')
  }
  dataplane.kernel.IPv4.add('192.0.2.66')
  change('10.1.0.1')
  await timing.pass(3000)
  t.is(notes.drift.length, 1)
  t.false(dataplane.kernel.IPv4.has('192.0.2.66'))
  await engine.stop()
})

test('audits that take long come one after the other for a while, and then for a hundredth of the time', async (t) => {
  const { dataplane, timing } = await started({ auditPeriod: 1000 })
  dataplane.beforeObserve = () => {
    timing.time += 200
  }
  await timing.pass(12_000)
  t.is(dataplane.calls.length, 10)
  await timing.pass(60_000)
  const before = dataplane.calls.length
  await timing.pass(1_000_000)
  const later = dataplane.calls.length - before
  t.true(later >= 46 && later <= 51, `${later} audits of a fifth of a second in 1,000 seconds`)
})

for (const [seconds, wait] of [
  [1, 30],
  [6, 60],
] as const)
  test(`audits of ${seconds} s of CPU time wait for ${wait} s, however often they came before`, async (t) => {
    const { dataplane, timing } = await started({ auditPeriod: 1000 })
    const begun: number[] = []
    dataplane.beforeObserve = () => {
      begun.push(timing.time)
      timing.time += seconds * 1000
    }
    await timing.pass(1_000_000)
    const waits = begun.slice(6).map((time, index) => Math.round((time - begun[index + 5]!) / 1000) - seconds)
    t.true(waits.length > 5)
    t.deepEqual([...new Set(waits)], [wait])
  })

test('audits that wait for a CPU are no dearer for it', async (t) => {
  const { dataplane, timing, notes } = await started({ auditPeriod: 1000 })
  dataplane.beforeObserve = () => {
    timing.time += 2000
    timing.idle += 1995
  }
  await timing.pass(300_000)
  t.is(dataplane.calls.length, 100, 'one a second, and two seconds long')
  dataplane.kernel.IPv4.add('192.0.2.66')
  await timing.pass(3000)
  t.is(notes.drift.length, 1)
})

test('a tool that damages without a pause is repaired ten times as often as a quiet kernel is read', async (t) => {
  const { dataplane, timing, notes } = await started({ auditPeriod: 1000 })
  dataplane.beforeObserve = () => {
    timing.time += 500
  }
  let number = 0
  for (let second = 0; second < 300; second++) {
    dataplane.kernel.IPv4.add(`192.0.2.${number++ % 250}`)
    await timing.pass(1000)
  }
  const before = notes.drift.length
  for (let second = 0; second < 1000; second++) {
    dataplane.kernel.IPv4.add(`192.0.2.${number++ % 250}`)
    await timing.pass(1000)
  }
  const later = notes.drift.length - before
  t.true(later >= 150 && later <= 200, `${later} repairs of half a second in 1,000 seconds`)
})

test('an apply is reported with its size, its times and its causes', async (t) => {
  const { dataplane, four, timing, change, notes } = await started()
  dataplane.beforeApply = () => {
    timing.time += 7
  }
  timing.time = 1000
  change('10.0.0.5')
  await timing.pass(0)
  t.deepEqual(notes.applied, [
    {
      family: 'IPv4',
      why: 'change',
      table: four.table,
      routes: [],
      setElements: 1,
      report: { operations: 1, bytes: 0, degraded: [] },
      timings: {
        received: 1000,
        tableChanged: 1000,
        begun: 1000,
        computed: 1000,
        compiled: 1000,
        applied: 1007,
      },
      triggerTimes: [5],
      totalRoutes: 0,
    },
  ])
})

test('an observer that throws stops nothing', async (t) => {
  const observer: EngineObserver = {
    onApplied: () => {
      throw new Error('a broken observer (expected in this test)')
    },
  }
  const { dataplane, timing, change } = await started({ observer })
  change('10.0.0.1')
  await timing.pass(0)
  change('10.0.0.2')
  await timing.pass(0)
  t.deepEqual(dataplane.calls, ['apply IPv4 +10.0.0.1', 'apply IPv4 +10.0.0.2'])
})

test('a dataplane that does not read back what it writes is told as that, and looked at ever more rarely', async (t) => {
  const { dataplane, timing, change, engine, notes } = bench({ auditPeriod: 1000 })
  dataplane.beforeApply = () => dataplane.kernel.IPv4.clear()
  dataplane.observe = async () => new Set()
  change('10.0.0.1')
  engine.start()
  await timing.pass(2000)
  t.deepEqual(notes.disagreements, [{ family: 'IPv4', operations: 1, findings: ['+10.0.0.1'] }])
  const repairs = notes.drift.length
  await timing.pass(600_000)
  t.true(notes.drift.length - repairs < 8, `${notes.drift.length}`)
})

test('a tool that undoes every repair is drift, however often it comes', async (t) => {
  const { dataplane, timing, change, engine, notes } = bench({ auditPeriod: 1000 })
  change('10.0.0.1')
  engine.start()
  await timing.pass(0)
  for (let time = 0; time < 10; time++) {
    dataplane.kernel.IPv4.clear()
    await timing.pass(1000)
  }
  t.is(notes.drift.length, 10)
  t.deepEqual(notes.disagreements, [])
})

test('upkeep comes every five seconds, in the turn of its family, and is put off while an apply is under way', async (t) => {
  const made = bench()
  const { dataplane, timing, change, engine } = made
  Object.assign(dataplane, {
    upkeep: async (family: IpFamily) => void dataplane.calls.push(`upkeep ${family}`),
  })
  engine.start()
  await timing.pass(4999)
  t.false(dataplane.calls.includes('upkeep IPv4'))
  const { opened, open } = gate()
  dataplane.beforeApply = () => opened
  change('10.0.0.1')
  await timing.pass(1000)
  t.false(dataplane.calls.includes('upkeep IPv4'))
  open()
  await timing.pass(100)
  await timing.pass(5000)
  t.deepEqual(
    dataplane.calls.filter((call) => call.startsWith('upkeep')),
    ['upkeep IPv4', 'upkeep IPv4'],
  )
  await engine.stop()
})

test('drift that a dataplane suspects is looked for at once', async (t) => {
  const { dataplane, timing, notes, engine } = await started({ auditPeriod: 60_000 })
  dataplane.kernel.IPv4.add('192.0.2.66')
  await timing.pass(100)
  t.is(notes.drift.length, 0)
  engine.suspectDrift('IPv4')
  await timing.pass(1)
  t.is(notes.drift.length, 1)
})

test('drift that is suspected during an audit is looked for right after it', async (t) => {
  const { dataplane, timing, notes, engine } = await started({ auditPeriod: 60_000 })
  const { opened, open } = gate()
  const look = async () => {
    dataplane.isUnchanged = async () => false
    await opened
    return true
  }
  dataplane.isUnchanged = look
  engine.suspectDrift('IPv4')
  await timing.pass(1)
  t.not(dataplane.isUnchanged, look)
  dataplane.kernel.IPv4.add('192.0.2.66')
  engine.suspectDrift('IPv4')
  open()
  await timing.pass(1)
  t.is(notes.drift.length, 1)
  await engine.stop()
})

for (const minSyncPeriod of [0, 1000]) {
  test(`a table that always changes doesn't keep upkeep away, with minSyncPeriod ${minSyncPeriod}`, async (t) => {
    const { dataplane, timing, change, engine } = bench({ minSyncPeriod })
    let upkeeps = 0
    Object.assign(dataplane, { upkeep: async () => void upkeeps++ })
    dataplane.beforeApply = () => new Promise((resolve) => void timing.after(10, () => resolve()))
    engine.start()
    for (let count = 0; count < 4400; count++) {
      change(`10.0.${count >> 8}.${count & 255}`)
      await timing.pass(5)
    }
    t.true(upkeeps >= 3 && upkeeps <= 4, `${upkeeps} upkeeps in 22 s`)
    const stopped = engine.stop()
    await timing.pass(10)
    await stopped
  })
}

test('progress: nothing is late before the start, and the first apply counts from then', async (t) => {
  const { timing, change, engine, dataplane } = bench()
  const { opened, open } = gate()
  dataplane.beforeApply = () => opened
  const notifiedAt = timing.time
  change('10.0.0.1')
  await timing.pass(100_000)
  t.deepEqual(engine.progress('IPv4'), { notifiedAt })
  t.is(engine.progress('IPv6'), undefined)
  const startedAt = timing.time
  engine.start()
  await timing.pass(5000)
  t.deepEqual(engine.progress('IPv4'), { notifiedAt, unappliedSince: startedAt })
  open()
  await timing.pass(0)
  t.deepEqual(engine.progress('IPv4'), { notifiedAt, inSyncAt: timing.time })
})

test('progress: an event during an apply is late from its own time on', async (t) => {
  const { timing, change, engine, dataplane } = await started()
  const gates = [gate(), gate()]
  let applies = 0
  dataplane.beforeApply = () => gates[applies++]?.opened
  const times = []
  for (const text of ['10.0.0.1', '10.0.0.2', '10.0.0.3']) {
    times.push(timing.time)
    change(text)
    await timing.pass(1000)
  }
  t.is(engine.progress('IPv4')?.unappliedSince, times[0])
  gates[0]!.open()
  await timing.pass(1000)
  t.is(
    engine.progress('IPv4')?.unappliedSince,
    times[1],
    'what came after the first apply began is not in it',
  )
  gates[1]!.open()
  await timing.pass(0)
  t.is(engine.progress('IPv4')?.unappliedSince, undefined)
})

test('progress: failures keep the time of the oldest event, until that is applied', async (t) => {
  const { timing, change, engine, dataplane } = await started()
  const error = new ApplyError('no')
  dataplane.beforeApply = () => {
    throw error
  }
  const since = timing.time
  change('10.0.0.1')
  await timing.pass(10_000)
  change('10.0.0.2')
  await timing.pass(0)
  const { unappliedSince, failure } = engine.progress('IPv4') ?? {}
  t.is(unappliedSince, since)
  t.is(failure?.error, error)
  t.true((failure?.inARow ?? 0) > 3)
  dataplane.beforeApply = () => {}
  await timing.pass(60_000)
  t.deepEqual(Object.keys(engine.progress('IPv4') ?? {}), ['notifiedAt', 'inSyncAt'])
})

test('progress: an event that comes to nothing is not late, and a failed look is', async (t) => {
  const { timing, change, engine, dataplane } = await started({ auditPeriod: 1000 })
  change('10.0.0.1')
  change('10.0.0.1', false)
  await timing.pass(0)
  t.deepEqual(engine.progress('IPv4'), { notifiedAt: timing.time, inSyncAt: timing.time })
  dataplane.beforeObserve = () => {
    throw new Error('unreadable')
  }
  await timing.pass(1000)
  t.is(engine.progress('IPv4')?.unappliedSince, timing.time, 'since then it is unknown what the kernel holds')
})
