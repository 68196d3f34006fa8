import type { Fixture } from '../fixture.ts'
import { at } from '../matrix-case.ts'
import type { EndpointHost } from '../place.ts'
import { type Story, storyScenario } from './stories.ts'

const connections = 400

/** Each endpoint's share, give or take 6 standard deviations: a fair choice leaves that once in 10^8 runs. */
async function expectEven(fixture: Fixture, hosts: readonly EndpointHost[]): Promise<void> {
  const share = 1 / hosts.length
  const due = connections * share
  const tolerance = 6 * Math.sqrt(connections * share * (1 - share))
  const servers = await Promise.all(
    Array.from({ length: connections }, () => fixture.serverFor('pod', 'ClusterIP')),
  )
  for (const host of hosts) {
    const count = servers.filter((server) => server === fixture.nameOf(host)).length
    fixture.expect(
      Math.abs(count - due) <= tolerance,
      `${host} got ${count} of ${connections} connections, due is ${due} give or take ${Math.round(tolerance)}`,
    )
  }
}

const stories: readonly Story[] = [
  {
    feature: 'basics',
    name: 'new connections are spread evenly over the endpoints, and over those that are left or have come',
    protocols: ['TCP', 'UDP'],
    async play(fixture) {
      const versions: EndpointHost[][] = [
        ['pod0', 'pod1', 'remote0', 'remote1', 'remote2'],
        ['pod1', 'remote2'],
        ['pod1', 'remote2', 'remote3', 'pod0'],
      ]
      for (const hosts of versions) {
        await fixture.become({ endpoints: at(...hosts) })
        await expectEven(fixture, hosts)
      }
    },
  },
]

export const spreadScenario = storyScenario('the spread of connections', stories)
