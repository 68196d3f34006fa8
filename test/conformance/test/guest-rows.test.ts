/** What becomes of the rows of a kit that runs in a VM, when its program or its machine ends before it has told them. */
import { VmError } from '@portolan/vm'
import test from 'ava'
import { type GuestFollower, GuestRows } from '../guest-rows.ts'
import type { Row } from '../row.ts'
import type { Scenario } from '../scenario.ts'
import { type Assertions, declareRows, type RowToBe, type TestFunction } from '../suite.ts'
import { toldLine } from '../vm-guest-talk.ts'

const scenarioOf = (name: string): Scenario => ({ name, claims: [], run: async () => [] })
const rowOf = (scenario: string, name: string): RowToBe => ({
  scenario: scenarioOf(scenario),
  feature: 'basics',
  name,
  family: 'IPv4',
  protocol: 'any',
})
const rows = [rowOf('first', 'a'), rowOf('second', 'b'), rowOf('third', 'c')]
const proved = ({ scenario: _, ...row }: RowToBe): Row => ({ ...row, outcome: 'passed', detail: '' })

/** One machine: tells its lines, and ends in a certain way. */
type Machine = (follow: GuestFollower) => Promise<void>
const proves =
  (...which: readonly RowToBe[]): Machine =>
  async ({ onLine }) => {
    for (const row of which) {
      onLine(toldLine({ begins: row.scenario.name }).trimEnd())
      onLine(toldLine({ row: proved(row) }).trimEnd())
    }
  }
const begins = (row: RowToBe) => toldLine({ begins: row.scenario.name }).trimEnd()
const killed = () => new VmError('PROGRAM_KILLED', 'the program in the machine was killed by SIGSEGV')

/** The outcome of each row, and the claims that each run began with. */
async function follow(...machines: readonly Machine[]) {
  const asked: string[] = []
  const queue = [...machines]
  const guest = new GuestRows(rows, async (follower) => {
    asked.push(follower.openClaims().join(''))
    await queue.shift()?.(follower)
  })
  const outcomes = await Promise.all(
    rows.map((row) =>
      guest.resultOf(row).then(
        ({ outcome }) => outcome as string,
        (error: Error) => error.message,
      ),
    ),
  )
  return { asked, outcomes }
}

const [first, second, third] = rows as [RowToBe, RowToBe, RowToBe]

test('a scenario in which the program is killed by SIGSEGV has failed, and the others are proved in another machine', async (t) => {
  const { asked, outcomes } = await follow(async (follower) => {
    await proves(first)(follower)
    follower.onLine(begins(second))
    throw killed()
  }, proves(third))
  t.deepEqual(asked, ['abc', 'c'])
  t.deepEqual(outcomes, [
    'passed',
    'the program in the machine was killed by SIGSEGV while "second" ran',
    'passed',
  ])
})

test('a program that is killed before any scenario has begun fails every row', async (t) => {
  const { asked, outcomes } = await follow(async () => {
    throw killed()
  })
  t.deepEqual(asked, ['abc'])
  t.deepEqual(new Set(outcomes), new Set(['the program in the machine was killed by SIGSEGV']))
})

test('a lost machine is forgiven once for each scenario, and then its rows have failed', async (t) => {
  const { outcomes } = await follow(async (follower) => {
    await proves(first)(follower)
    follower.onLine(begins(second))
    follower.onLoss('it froze')
    t.deepEqual(follower.openClaims(), ['b', 'c'])
    follower.onLine(begins(second))
    follower.onLoss('it froze again')
    t.deepEqual(follower.openClaims(), ['c'])
    await proves(third)(follower)
  })
  t.deepEqual(outcomes, [
    'passed',
    '2 machines were lost while "second" ran in them; the last one: it froze again',
    'passed',
  ])
})

test('a row that nothing was told about has failed', async (t) => {
  const { outcomes } = await follow(proves(first, third))
  t.deepEqual(outcomes, ['passed', "the kit in the VM has ended, and hadn't told about every row", 'passed'])
})

/** Declares a row as a test and runs it; what the test said. */
async function declared(result: Row | undefined, lack?: string): Promise<readonly string[]> {
  const said: string[] = []
  const running: Promise<void>[] = []
  const assertions: Assertions = {
    pass: () => said.push('pass'),
    fail: (message) => said.push(`fail: ${message}`),
    log: () => {},
  }
  const runner: TestFunction = Object.assign(
    (title: string, run: (t: Assertions) => Promise<void>) => {
      said.push(title)
      running.push(run(assertions))
    },
    { skip: (title: string) => said.push(`skip ${title}`) },
  )
  declareRows({
    test: runner,
    rows: [first],
    capabilities: { families: ['IPv4'], protocols: ['TCP'], gaps: {} },
    resultOf: async () => result,
    lackOf: () => lack,
  })
  await Promise.all(running)
  return said
}

test('a row that was not proved fails, unless it was known before that it could not be', async (t) => {
  const unproved: Row = { ...proved(first), outcome: 'unproved', detail: 'this kernel has no SCTP' }
  t.deepEqual(await declared(unproved), ['IPv4: a', 'fail: not proved: this kernel has no SCTP'])
  t.deepEqual(await declared(undefined, 'no SCTP here'), ['skip IPv4: a: no SCTP here'])
  t.deepEqual(await declared(undefined), ['IPv4: a', 'fail: the kit has not told about this row'])
  t.deepEqual(await declared(proved(first)), ['IPv4: a', 'pass'])
})
