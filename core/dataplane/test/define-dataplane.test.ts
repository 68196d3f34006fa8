import test from 'ava'
import type { IpFamily } from '../../network/address.ts'
import { emptyTable, fullDifference } from '../../table/diff.ts'
import type { CompiledProgram } from '../compiled-program.ts'
import { defineDataplane } from '../define-dataplane.ts'
import type { Session } from '../kernel.ts'

interface Memory {
  readonly family: IpFamily
  applied: number
}

/** A dataplane that counts, and whose opening waits until it is let through. */
function counting() {
  const opening = Promise.withResolvers<void>()
  const counts = { opened: 0, closed: 0 }
  const notices: string[] = []
  let signal: AbortSignal | undefined
  const program = (family: IpFamily, findings: readonly string[]): CompiledProgram => ({
    family,
    operations: 1,
    findings,
    degraded: [],
  })
  const factory = defineDataplane({
    name: 'counting',
    capabilities: { families: ['IPv4', 'IPv6'], protocols: ['TCP'], gaps: {} },
    create(context) {
      signal = context.signal
      return {
        compiler: {
          compile: ({ family }, memory: Memory) => program(family, [`${memory.family} ${memory.applied}`]),
          reconcile: (observed: string | undefined, { family }) => program(family, [observed ?? 'nothing']),
          print: () => '',
          trace: () => [],
        },
        kernel: {
          probe: async () => ({ usable: true, problems: [], facts: {} }),
          async open() {
            counts.opened++
            await opening.promise
            return `handle ${counts.opened}`
          },
          close(_handle: string) {
            counts.closed++
          },
          observe: async ({ handle }: Session<string, Memory>) => handle,
          async apply(_, session: Session<string, Memory>) {
            session.memory.applied++
            context.notify(`applied ${session.family} by ${session.handle}`)
            return { bytes: 1, degraded: [{ route: 'a', reason: 'full' }] }
          },
          async upkeep() {
            throw new Error('stuck')
          },
          isUnchanged: async () => true,
          cleanup: async () => ({ removed: [] }),
        },
        memory: (family) => ({ family, applied: 0 }),
      }
    },
  })
  const faults: string[] = []
  const dataplane = factory.create(
    { masqueradeBit: 14, settings: {}, onNotice: (notice) => notices.push(notice) },
    { onFault: ({ message }) => faults.push(message) },
  )
  return { counts, dataplane, factory, faults, notices, open: () => opening.resolve(), signal: () => signal }
}

const table = (family: IpFamily) => emptyTable(family, { by: 'none' })
const change = (family: IpFamily) => fullDifference(table(family), table(family))

test('first calls at the same time share one opening, and get what it gave', async (t) => {
  const { counts, dataplane, open } = counting()
  const observed = Promise.all([dataplane.start(), dataplane.observe('IPv4'), dataplane.observe('IPv6')])
  open()
  t.deepEqual(await observed, [undefined, 'handle 1', 'handle 1'])
  t.is(counts.opened, 1)
})

test('each family is remembered by itself, and the compiler gets what apply has settled', async (t) => {
  const { dataplane, open } = counting()
  open()
  t.deepEqual(dataplane.compile(change('IPv4')).findings, ['IPv4 0'])
  await dataplane.apply(dataplane.compile(change('IPv4')))
  t.deepEqual(dataplane.compile(change('IPv4')).findings, ['IPv4 1'])
  t.deepEqual(dataplane.compile(change('IPv6')).findings, ['IPv6 0'])
})

test('what only the kernel has shown is added to what the program says', async (t) => {
  const { dataplane, notices, open } = counting()
  open()
  const program = { ...dataplane.compile(change('IPv4')), degraded: [{ route: 'b', reason: 'no' }] }
  const { operations, bytes, degraded } = await dataplane.apply(program)
  t.deepEqual([operations, bytes, degraded.map(({ route }) => route)], [1, 1, ['b', 'a']])
  t.deepEqual(notices, ['applied IPv4 by handle 1'])
})

test('a stop closes what was opened, once, and aborts the signal', async (t) => {
  const { counts, dataplane, open, signal } = counting()
  open()
  await dataplane.start()
  t.false(signal()?.aborted)
  await dataplane.stop()
  await dataplane.stop()
  t.is(counts.closed, 1)
  t.true(signal()?.aborted)
})

test('what was never opened is not closed', async (t) => {
  const { counts, dataplane } = counting()
  await dataplane.stop()
  t.deepEqual(counts, { opened: 0, closed: 0 })
})

test('an upkeep that fails is told, and makes unsure until the family is observed', async (t) => {
  const { dataplane, faults, open } = counting()
  open()
  t.true(await dataplane.isUnchanged('IPv4'))
  await dataplane.upkeep?.('IPv4')
  t.deepEqual(faults, ['dataplane counting: upkeep of IPv4 failed: stuck'])
  t.false(await dataplane.isUnchanged('IPv4'))
  t.true(await dataplane.isUnchanged('IPv6'))
  await dataplane.observe('IPv4')
  t.true(await dataplane.isUnchanged('IPv4'))
})

test('methods that may be left out are absent then', (t) => {
  const { dataplane } = counting()
  t.is(dataplane.endpointOrder, undefined)
  t.not(dataplane.upkeep, undefined)
})

test('what waits for an opening when everything is stopped gets nothing that is closed', async (t) => {
  const { counts, dataplane, open } = counting()
  const observing = dataplane.observe('IPv4')
  const stopping = dataplane.stop()
  open()
  await t.throwsAsync(observing, { message: /observe of IPv4 failed: it was stopped while it opened/ })
  await stopping
  t.deepEqual(counts, { opened: 1, closed: 1 })
})

test('what opens after its deadline is closed again', async (t) => {
  const { counts, factory, open } = counting()
  const deadlines = { work: 1000, start: 10, look: 1000, stop: 1000 }
  const dataplane = factory.create({ masqueradeBit: 14, settings: {} }, { deadlines })
  await t.throwsAsync(dataplane.start(), { code: 'DATAPLANE_METHOD_HANGS' } as object)
  t.deepEqual(counts, { opened: 1, closed: 0 })
  open()
  t.is(await dataplane.observe('IPv4'), 'handle 2')
  t.deepEqual(counts, { opened: 2, closed: 1 })
})
