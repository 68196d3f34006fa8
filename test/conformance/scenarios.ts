import { addressCases, everyNodePortAddressCases } from './cases/addresses.ts'
import { endpointConditionCases } from './cases/endpoint-conditions.ts'
import { frontendCases } from './cases/frontends.ts'
import { sctpCases } from './cases/sctp.ts'
import { sourceRangeCases } from './cases/source-ranges.ts'
import { sourceCases } from './cases/sources.ts'
import { topologyCases } from './cases/topology.ts'
import type { Scenario } from './scenario.ts'
import { affinityScenario } from './scenarios/affinity.ts'
import { changesScenario } from './scenarios/changes.ts'
import { cleanupScenario } from './scenarios/cleanup.ts'
import { convergenceScenario } from './scenarios/convergence.ts'
import { crashScenario } from './scenarios/crash.ts'
import { damageScenario } from './scenarios/damage.ts'
import { explainedScenario } from './scenarios/explained.ts'
import { localhostScenario } from './scenarios/localhost.ts'
import { matrixScenario } from './scenarios/matrix.ts'
import { nodeAddressesScenario } from './scenarios/node-addresses.ts'
import { nonInterferenceScenario } from './scenarios/non-interference.ts'
import { protocolsScenario } from './scenarios/protocols.ts'
import { randomWalkScenario } from './scenarios/random-walk.ts'
import { restartScenario } from './scenarios/restart.ts'
import { spreadScenario } from './scenarios/spread.ts'
import { udpFlowsScenario } from './scenarios/udp-flows.ts'
import { unknownNodeScenario } from './scenarios/unknown-node.ts'

/** All there is to prove, in the order in which it is run: what everything else stands on first. */
export const scenarios: readonly Scenario[] = [
  matrixScenario('the matrix of frontends, policies and endpoints', [
    ...frontendCases,
    ...endpointConditionCases,
    ...topologyCases,
    ...sourceRangeCases,
    ...addressCases,
  ]),
  matrixScenario(
    "sources by the pods' bridge",
    [
      ...sourceCases('detector', 'with pods told by their bridge interface', ['podsByInterface']),
      ...everyNodePortAddressCases,
    ],
    { detector: 'interface', nodePortAddresses: 'all' },
  ),
  matrixScenario(
    "sources by the pods' interfaces",
    sourceCases('detector', 'with pods told by the prefix of their interfaces', ['podsByInterface']),
    { detector: 'interfacePrefix' },
  ),
  matrixScenario(
    'sources without a detector',
    sourceCases('no detector', 'with no way to tell pods from others'),
    { detector: 'none' },
  ),
  matrixScenario('masqueradeAll', sourceCases('masqueradeAll', 'with masqueradeAll'), {
    masqueradeAll: true,
  }),
  matrixScenario('SCTP', sctpCases),
  protocolsScenario,
  nodeAddressesScenario,
  localhostScenario,
  nonInterferenceScenario,
  spreadScenario,
  affinityScenario,
  changesScenario,
  udpFlowsScenario,
  restartScenario,
  unknownNodeScenario,
  crashScenario,
  damageScenario,
  explainedScenario,
  randomWalkScenario,
  convergenceScenario,
  cleanupScenario,
]
