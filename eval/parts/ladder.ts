import type { ListedClaim } from '@portolan/conformance'

interface Rung {
  readonly name: string
  readonly takes: (claim: ListedClaim) => boolean
}

/** From what everything stands on to what is asked last; a claim belongs to the first that takes it. */
const rungs: readonly Rung[] = [
  { name: 'SCTP', takes: ({ scenario }) => scenario === 'SCTP' },
  { name: 'changes', takes: ofScenario('changes under traffic', 'random changes', 'convergence') },
  { name: 'affinity', takes: ofScenario('session affinity') },
  { name: 'UDP flows', takes: ofScenario('flows of UDP') },
  { name: 'restart', takes: ofScenario('restart', 'a start without Node object and ServiceCIDRs') },
  { name: 'kill -9', takes: ofScenario('kill -9') },
  { name: 'damage', takes: ofScenario('damage from outside') },
  { name: 'explain', takes: ofScenario('what explain says') },
  { name: 'clean-up', takes: ofScenario('cleanup') },
  { name: 'non-interference', takes: ofScenario('non-interference') },
  { name: 'NodePorts', takes: ({ feature }) => /nodePort|localhostNodePorts/i.test(feature) },
  { name: 'source ranges', takes: ({ feature }) => feature === 'sourceRanges' },
  {
    name: 'who asks',
    takes: ({ scenario, feature }) =>
      /^sources |^masqueradeAll$/.test(scenario) || (feature === 'sourceClasses' && !isOfMatrix(scenario)),
  },
  {
    name: 'policies and topology',
    takes: ({ name, scenario }) => isOfMatrix(scenario) && /Policy|policies|hint|topology/.test(name),
  },
  {
    name: 'external addresses',
    takes: ({ name, scenario }) => isOfMatrix(scenario) && /external|load balancer/.test(name),
  },
  {
    name: 'endpoints',
    takes: ({ name, feature, scenario }) =>
      scenario === 'the spread of connections' ||
      (isOfMatrix(scenario) && (feature === 'hairpin' || /endpoint|slice|condition/.test(name))),
  },
  { name: 'a ClusterIP', takes: ({ scenario }) => isOfMatrix(scenario) },
  { name: 'addresses and protocols', takes: () => true },
]

/** The steps from the bottom, as they are shown. */
export const rungNames: readonly string[] = [
  ...['a ClusterIP', 'endpoints', 'external addresses', 'NodePorts', 'policies and topology', 'who asks'],
  ...['source ranges', 'addresses and protocols', 'affinity', 'changes', 'UDP flows', 'restart', 'kill -9'],
  ...['damage', 'explain', 'clean-up', 'non-interference', 'SCTP'],
]

export function rungOf(claim: ListedClaim): string {
  return rungs.find(({ takes }) => takes(claim))?.name ?? 'addresses and protocols'
}

function ofScenario(...names: readonly string[]): Rung['takes'] {
  return ({ scenario }) => names.includes(scenario)
}

function isOfMatrix(scenario: string): boolean {
  return scenario.startsWith('the matrix')
}
