import type { IpFamily, RoutingTable } from '@portolan/core'
import type { Protocol } from '@portolan/lab'
import { caseObjects, targetOf } from '../case-objects.ts'
import { type Check, expectedOf, runCheck } from '../check.ts'
import { gapOf } from '../declared-capabilities.ts'
import { describeDrift } from '../driver.ts'
import { serveInternet } from '../internet.ts'
import {
  type Client,
  type Destination,
  type Expectation,
  featureOfDestination,
  type MatrixCase,
  type MatrixRow,
} from '../matrix-case.ts'
import { addressOf, type Place, place } from '../place.ts'
import type { RowClaim, Verdict } from '../row.ts'
import type { Scenario, ScenarioClaim } from '../scenario.ts'
import { createTestbed, type Testbed, type TestbedOptions } from '../testbed.ts'

type MatrixOptions = Pick<TestbedOptions, 'detector' | 'masqueradeAll' | 'nodePortAddresses'>

/** Cases that share one table: all of it is in the kernel at once, and all of it is asked at once. */
export function matrixScenario(
  name: string,
  cases: readonly MatrixCase[],
  options: MatrixOptions = {},
): Scenario {
  const nothingLeft: RowClaim = {
    feature: 'basics',
    name: `nothing is left to reconcile once all is applied: ${name}`,
  }
  return {
    name,
    claims: [...cases.flatMap(({ rows }) => rows.map(claimOf)), nothingLeft],
    async run(context) {
      const { factory, settings, families, timeouts } = context
      const testbed = await createTestbed({ factory, settings, families, timeouts, ...options })
      try {
        const placed = cases.map((one, index) => ({ ...one, place: place(index) }))
        await serveAll(testbed, placed)
        await applyInTwoSteps(testbed, placed)
        const verdicts = await Promise.all(
          placed.flatMap((one) =>
            one.rows
              .filter((row) => context.wants(claimOf(row)))
              .flatMap((row) => context.expand(claimOf(row)).map((which) => judge(testbed, one, row, which))),
          ),
        )
        const drift = await testbed.driver.drift()
        return [
          ...verdicts,
          ...families.map((family): Verdict => {
            const failures = drift.filter((one) => one.family === family).map(describeDrift)
            return { claim: nothingLeft, family, protocol: 'any', failures }
          }),
        ]
      } finally {
        await testbed.close()
      }
    },
  }
}

type PlacedCase = MatrixCase & { readonly place: Place }

const usualProtocols: readonly Protocol[] = ['TCP', 'UDP']

/**
 * A row of basics that only asks of one feature's destinations is that feature's; of one that only asks of several features'
 * there is nothing to ask without all of them. Drops may need a feature as well.
 */
function claimOf({ to, due, protocols = usualProtocols, ...claim }: MatrixRow): ScenarioClaim {
  const destinations = to.map((one) =>
    Object.values(due).map((expectation) => featureOfDestination(one, expectation)),
  )
  const needed = [...new Set(destinations.flat())]
  const oneOf = needed.filter((one) => one !== undefined)
  const isWhole = oneOf.length === needed.length
  const whole = isWhole && oneOf.length === 1 ? oneOf[0] : undefined
  const feature = claim.feature === 'basics' ? (whole ?? 'basics') : claim.feature
  const drops = Object.values(due).some(({ outcome }) => outcome === 'dropped')
  const also = new Set(claim.also)
  if (whole !== undefined && whole !== feature) also.add(whole)
  // No socket is at an address that nobody has.
  if (drops && feature !== 'dropUnallocated') also.add('dropConnections')
  return {
    ...claim,
    feature,
    protocols,
    ...(also.size === 0 ? {} : { also: [...also] }),
    ...(isWhole && oneOf.length > 1 ? { oneOf } : {}),
  }
}

/** Every endpoint answers, whether it should be reached or not, and so does what leaks. */
async function serveAll(testbed: Testbed, cases: readonly PlacedCase[]): Promise<void> {
  const leaks = testbed.families.flatMap((family) =>
    cases.flatMap(({ rows, place }) =>
      rows
        .flatMap(({ to }) => to)
        .filter(endsAtInternet)
        .map((to) => targetOf(to, place, family)),
    ),
  )
  await Promise.all([
    serveInternet(testbed, leaks),
    ...cases.flatMap(({ endpoints, place, rows }) =>
      endpoints.map(({ host, portOffset = 0 }) =>
        testbed.serve(host, place.targetPort + portOffset, protocolsOf(rows)),
      ),
    ),
  ])
}

function protocolsOf(rows: readonly MatrixRow[]): readonly Protocol[] {
  return [...new Set(rows.flatMap(({ protocols }) => protocols ?? usualProtocols))]
}

function endsAtInternet(to: Destination): boolean {
  return !to.startsWith('NodePort') && to !== 'ExternalIP of the node'
}

/** One half by reconciling, as after a start; the other by compiling the change, as in daily work. */
async function applyInTwoSteps(testbed: Testbed, cases: readonly PlacedCase[]): Promise<void> {
  const objects = cases.map((one) => caseObjects(one, one.place))
  testbed.cluster.set(...objects.filter((_, index) => index % 2 === 0).flat())
  await testbed.driver.start()
  testbed.cluster.set(...objects.filter((_, index) => index % 2 === 1).flat())
  await testbed.driver.sync()
}

async function judge(
  testbed: Testbed,
  one: PlacedCase,
  row: MatrixRow,
  { family, protocol }: { readonly family: IpFamily; readonly protocol: Verdict['protocol'] },
): Promise<Verdict> {
  const table = testbed.cluster.table(family)
  const { capabilities } = testbed.dataplane
  const isGap = gapOf(claimOf(row), protocol, capabilities) !== undefined
  // Of a row that isn't a gap, what needs one is left out. All of one that is must be asked, to show that it is one.
  const isAsked = (to: Destination, due: Expectation) => {
    const feature = featureOfDestination(to, due)
    return isGap || feature === undefined || capabilities.gaps[feature] === undefined
  }
  const asked = await Promise.all(
    Object.entries(row.due).flatMap(([client, expectation]) =>
      row.to
        .filter((to) => isAsked(to, expectation))
        .map(async (to) => {
          const check: Check = {
            client: client as Client,
            origin: testbed.origin(client as Client, family),
            protocol: protocol === 'any' ? 'TCP' : protocol,
            family,
            testbed,
            keepsClientAddress: [row.feature, ...(row.also ?? [])].includes('clientAddress'),
            ...targetOf(to, one.place, family),
          }
          const wrong = disagreement(check, expectation, one, family, table)
          return wrong === undefined ? await runCheck(check, table) : [wrong]
        }),
    ),
  )
  const failures = asked.length === 0 ? ['nothing was asked: all of it is of declared gaps'] : asked.flat()
  return { claim: row, family, protocol, failures }
}

/** What the claim says must be what the reference says: else one of them is wrong, and no packet can tell which. */
function disagreement(
  check: Check,
  expectation: Expectation,
  { endpoints, place }: PlacedCase,
  family: IpFamily,
  table: RoutingTable,
): string | undefined {
  const evaluation = expectedOf(check, table)
  const own = check.origin.address
  const fate = (address: string, port: number, masquerade: boolean) =>
    `${address}|${port}${masquerade || address === own ? ' masqueraded' : ''}`
  const reference =
    evaluation.verdict === 'balance'
      ? evaluation.endpoints.map(({ address, port }) => fate(address, port, evaluation.masquerade))
      : [{ reject: 'refused', drop: 'dropped', none: 'untouched' }[evaluation.verdict]]
  const claimed =
    expectation.outcome === 'answered'
      ? expectation.by.map((host) => {
          const offset = endpoints.find((endpoint) => endpoint.host === host)?.portOffset ?? 0
          return fate(addressOf(host, family), place.targetPort + offset, expectation.masqueraded)
        })
      : [expectation.outcome]
  const [said, due] = [reference, claimed].map((list) => list.toSorted().join(', '))
  return said === due ? undefined : `the core's reference says "${said}", and the claim is "${due}"`
}
