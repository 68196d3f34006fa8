import { audit } from './audit.ts'
import type { ChangeScenario } from './change-scenario.ts'
import { changeScenarios } from './change-scenarios.ts'
import { churn } from './churn.ts'
import { cleanup } from './cleanup.ts'
import { coldStart, warmRestart } from './cold-start.ts'
import { connectCost } from './connect.ts'
import { connectSampled } from './connect-sampled.ts'
import { coreAlone } from './core.ts'
import type { CoreScenario } from './core-scenario.ts'
import { failedApply } from './failed-apply.ts'
import { firstPacket } from './first-packet.ts'
import { firstPacketAdded } from './first-packet-added.ts'
import { firstPacketChurn } from './first-packet-churn.ts'
import { firstPacketQuiet } from './first-packet-quiet.ts'
import { nodeConnect } from './node-connect.ts'
import type { NodeScenario } from './node-scenario.ts'
import { replay } from './replay.ts'
import { soak } from './soak.ts'
import { throughput } from './throughput.ts'
import { watchLoad } from './watch-load.ts'

export type Scenario = NodeScenario | ChangeScenario | CoreScenario

/** Everything that can be measured, in the order in which it is. */
export const scenarios: readonly Scenario[] = [
  coldStart,
  ...changeScenarios,
  firstPacket,
  firstPacketQuiet,
  firstPacketAdded,
  connectCost,
  connectSampled,
  nodeConnect,
  throughput,
  churn(20),
  churn(200),
  churn(2000),
  firstPacketChurn,
  replay,
  failedApply,
  audit,
  warmRestart,
  cleanup,
  soak,
  coreAlone,
  watchLoad,
]

/** All names that `--scenario` takes, each with what it means. */
export function scenarioNames(): { readonly name: string; readonly meaning: string }[] {
  return scenarios.flatMap((scenario) => {
    const { name, meaning } = scenario
    const odd = scenario.kind === 'change' && scenario.oddTurns !== undefined ? [scenario.oddTurns] : []
    return [{ name, meaning }, ...odd]
  })
}

/** Those of these names. Two names may mean one scenario, which measures both. @throws RangeError for an unknown one */
export function chooseScenarios(names: readonly string[]): Scenario[] {
  const known = scenarioNames().map(({ name }) => name)
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new RangeError(`there is no scenario ${JSON.stringify(unknown)}`)
  return scenarios.filter(
    (scenario) =>
      names.includes(scenario.name) ||
      (scenario.kind === 'change' &&
        scenario.oddTurns !== undefined &&
        names.includes(scenario.oddTurns.name)),
  )
}
