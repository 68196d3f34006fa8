import type { AppliedEvents } from '../proxy/event-trace.ts'
import { type ChangeScenario, turnsOf } from './change-scenario.ts'
import { watchConnections } from './connection-loss.ts'
import { internalsOf, type NodeFixture } from './node-scenario.ts'
import { recordUsage } from './usage.ts'

/** There and back before any is counted, in which V8 compiles what is hot; not so often where a turn takes long. */
const warmUps = { max: 5, milliseconds: 300 }

/** Makes one change after the other, each when the one before is in the kernel, and records the way of each. */
export async function playChanges(fixture: NodeFixture, scenario: ChangeScenario): Promise<void> {
  const { server, proxy, effort } = fixture
  const inside = internalsOf(fixture)
  await inside.eventsApplied(await server.call('prepare', scenario.name))
  const turn = async (number: number, of: number): Promise<readonly AppliedEvents[]> => {
    const { events } = await server.call('change', scenario.name, number, of)
    await inside.eventsApplied(events)
    return inside.takeApplied()
  }
  let turnMs = 0
  const begun = performance.now()
  for (let warmUp = 0; warmUp < warmUps.max && performance.now() - begun < warmUps.milliseconds; warmUp++) {
    const before = performance.now()
    await turn(0, 2)
    await turn(1, 2)
    turnMs = (performance.now() - before) / 2
  }
  inside.takeApplied()

  const length = turnsOf(scenario, effort, turnMs)
  await watchConnections(fixture, scenario.name, async () => {
    const since = await proxy.usage()
    for (let number = 0; number < length; number++) {
      const name = number % 2 === 1 ? (scenario.oddTurns?.name ?? scenario.name) : scenario.name
      recordWay(fixture, name, await turn(number, length))
    }
    await recordUsage(fixture, scenario.name, { since, changes: length })
  })
  await inside.eventsApplied(await server.call('tidy', scenario.name))
  inside.takeApplied()
}

/** A change may take several applies, when its events come in several reads. */
function recordWay({ record }: NodeFixture, scenario: string, applies: readonly AppliedEvents[]): void {
  const first = applies.find(({ received }) => received.length > 0)
  const last = applies.at(-1)
  const received = first?.received[0]
  const parsed = first?.parsed.at(-1)
  if (first === undefined || last === undefined || received === undefined || parsed === undefined) return
  const sum = (of: (one: AppliedEvents) => number) => applies.reduce((total, one) => total + of(one), 0)
  record(scenario, 'eventToCommit', last.applied - received)
  record(scenario, 'parse', (first.parsed[0] ?? received) - received)
  record(scenario, 'tableChange', Math.max(0, first.tableChanged - (first.parsed[0] ?? first.tableChanged)))
  record(scenario, 'wait', first.begun - first.tableChanged)
  record(
    scenario,
    'compute',
    sum((one) => one.computed - one.begun),
  )
  record(
    scenario,
    'compile',
    sum((one) => one.compiled - one.computed),
  )
  record(
    scenario,
    'apply',
    sum((one) => one.applied - one.compiled),
  )
  record(
    scenario,
    'computeAndApply',
    sum((one) => one.applied - one.begun),
  )
  record(
    scenario,
    'operations',
    sum((one) => one.operations),
  )
  record(
    scenario,
    'bytesToKernel',
    sum((one) => one.bytes),
  )
}
