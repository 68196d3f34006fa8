import type { IpFamily } from '@portolan/core'
import type { Protocol } from '@portolan/lab'
import { describeDrift } from '../driver.ts'
import { Fixture } from '../fixture.ts'
import { serveInternet } from '../internet.ts'
import { place } from '../place.ts'
import type { RowClaim, Verdict } from '../row.ts'
import type { Scenario, ScenarioClaim } from '../scenario.ts'
import { createTestbed, type Testbed, type TestbedOptions } from '../testbed.ts'

/** A claim about how a Service behaves over time, and the play that proves it. */
export interface Story extends RowClaim {
  readonly protocols: readonly Protocol[]
  /** Default both. */
  readonly families?: readonly IpFamily[]
  play(fixture: Fixture): Promise<void>
}

/** Stories that play all at the same time on one node, each with a Service of its own. */
export function storyScenario(
  name: string,
  stories: readonly Story[],
  prepare: (testbed: Testbed) => Promise<void> = async () => {},
  options: Pick<TestbedOptions, 'nodePortAddresses'> = {},
): Scenario {
  const nothingLeft: RowClaim = { feature: 'basics', name: `nothing is left to reconcile after all: ${name}` }
  return {
    name,
    claims: [...stories.map(claimOf), nothingLeft],
    async run(context) {
      const { factory, settings, families, timeouts } = context
      const testbed = await createTestbed({ factory, settings, families, timeouts, ...options })
      try {
        await serveInternet(testbed)
        await prepare(testbed)
        await testbed.driver.start()
        let places = 0
        const verdicts = await Promise.all(
          stories
            .filter((story) => context.wants(story))
            .flatMap((story) =>
              context.expand(claimOf(story)).map(async ({ family, protocol }): Promise<Verdict> => {
                const fixture = new Fixture(
                  testbed,
                  place(places++),
                  family,
                  protocol === 'any' ? 'TCP' : protocol,
                )
                try {
                  await story.play(fixture)
                } catch (error) {
                  fixture.failures.push(error instanceof Error ? error.message : String(error))
                }
                return { claim: story, family, protocol, failures: fixture.failures }
              }),
            ),
        )
        const left = async (family: IpFamily) => {
          try {
            await testbed.driver.sync([family])
            return (await testbed.driver.drift([family])).map(describeDrift)
          } catch (error) {
            return [error instanceof Error ? error.message : String(error)]
          }
        }
        return [
          ...verdicts,
          ...(await Promise.all(
            families.map(
              async (family): Promise<Verdict> => ({
                claim: nothingLeft,
                family,
                protocol: 'any',
                failures: await left(family),
              }),
            ),
          )),
        ]
      } finally {
        await testbed.close()
      }
    },
  }
}

function claimOf({ play: _, ...claim }: Story): ScenarioClaim {
  return claim
}
