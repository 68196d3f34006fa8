import type { ChangeScenario } from './change-scenario.ts'
import { endpointReplaced } from './endpoint-replaced.ts'
import { endpoints100 } from './endpoints-100.ts'
import { largeService } from './large-service.ts'
import { portChanged } from './port-changed.ts'
import { rollingUpdate } from './rolling-update.ts'
import { serviceAdded } from './service-added.ts'
import { zoneChanged } from './zone-changed.ts'

/** All kinds of change, in the order in which they are measured. */
export const changeScenarios: readonly ChangeScenario[] = [
  endpointReplaced,
  serviceAdded,
  portChanged,
  endpoints100,
  rollingUpdate,
  largeService,
  zoneChanged,
]

/** @throws RangeError when there is none of this name */
export function changeScenario(name: string): ChangeScenario {
  const found = changeScenarios.find((scenario) => scenario.name === name)
  if (found === undefined) throw new RangeError(`there is no change scenario ${JSON.stringify(name)}`)
  return found
}
