import { type Capabilities, type Feature, features } from '@portolan/core'
import { BrokenContract } from './checked-dataplane.ts'
import type { Row, RowClaim } from './row.ts'

const families = ['IPv4', 'IPv6']
const protocols = ['TCP', 'UDP', 'SCTP']

/**
 * What a dataplane declares decides what the kit asks, so a declaration under which nearly nothing is asked is none.
 *
 * @throws BrokenContract
 */
export function checkCapabilities(declared: Capabilities): void {
  expectSome('families', declared.families, families)
  expectSome('protocols', declared.protocols, protocols)
  if (!declared.protocols.includes('TCP'))
    throw new BrokenContract(`capabilities.protocols lacks TCP, which every dataplane has to translate`)
  for (const [name, sentence] of Object.entries(declared.gaps)) {
    if (!Object.hasOwn(features, name))
      throw new BrokenContract(
        `capabilities.gaps has "${name}", which is no feature; there are ${Object.keys(features).join(', ')}`,
      )
    if (typeof sentence !== 'string' || sentence.trim() === '')
      throw new BrokenContract(`capabilities.gaps.${name} says nothing: tell operators what happens instead`)
  }
}

/** Why a row is no failure when it fails: the dataplane declares that it lacks what the row asks. */
export function gapOf(
  claim: Pick<RowClaim, 'feature' | 'also' | 'oneOf'>,
  protocol: Row['protocol'],
  capabilities: Capabilities,
): string | undefined {
  if (protocol !== 'any' && !capabilities.protocols.includes(protocol)) return `no ${protocol}`
  const [first] = missingFeatures(claim, protocol, capabilities)
  return first === undefined ? undefined : capabilities.gaps[first]
}

/** The gap that is none if the row passes. */
export function gapRefutedBy(
  claim: Pick<RowClaim, 'feature' | 'also' | 'oneOf' | 'holdsWithout'>,
  protocol: Row['protocol'],
  capabilities: Capabilities,
): Feature | undefined {
  return missingFeatures(claim, protocol, capabilities).find((one) => !claim.holdsWithout?.includes(one))
}

/** What a row needs and a dataplane declares as gaps. */
function missingFeatures(
  { feature, also = [], oneOf = [] }: Pick<RowClaim, 'feature' | 'also' | 'oneOf'>,
  protocol: Row['protocol'],
  { gaps }: Capabilities,
): readonly Feature[] {
  const isMissing = (one: Feature) => isAbout(one, protocol) && gaps[one] !== undefined
  const needed = [...(feature === 'basics' ? [] : [feature]), ...also]
  return [...needed.filter(isMissing), ...(oneOf.every(isMissing) ? oneOf : [])]
}

/** Features that are about one protocol alone: datagrams are easily dropped, and connections may share a port. */
const ofOneProtocol: Readonly<Partial<Record<Feature, Row['protocol']>>> = {
  dropConnections: 'TCP',
  ephemeralPorts: 'UDP',
}

function isAbout(feature: Feature, protocol: Row['protocol']): boolean {
  return (ofOneProtocol[feature] ?? protocol) === protocol
}

function expectSome(
  name: 'families' | 'protocols',
  given: readonly string[],
  known: readonly string[],
): void {
  const list: unknown = given
  if (!Array.isArray(list) || list.length === 0)
    throw new BrokenContract(`capabilities.${name} is empty: there would be nothing to prove`)
  for (const one of list)
    if (!known.includes(one))
      throw new BrokenContract(
        `capabilities.${name} has ${JSON.stringify(one)}; known are ${known.join(', ')}`,
      )
  if (new Set(list).size < list.length) throw new BrokenContract(`capabilities.${name} names one twice`)
}
