import { at } from '../matrix-case.ts'
import { servicePort } from '../place.ts'
import { type Story, storyScenario } from './stories.ts'

const protocols = ['TCP', 'UDP', 'SCTP'] as const

const stories: readonly Story[] = [
  {
    feature: 'basics',
    name: 'routes of the protocols that the dataplane lists are programmed, those of others left out and named',
    protocols: ['TCP', 'UDP'],
    async play(fixture) {
      const { testbed, family, place } = fixture
      const ports = protocols.map((protocol) => ({
        name: protocol.toLowerCase(),
        protocol,
        port: servicePort,
      }))
      await fixture.become({ service: { ports }, endpoints: at('pod0') })
      await fixture.become({ service: { ports }, endpoints: at('pod0', 'remote0') })
      const listed = testbed.dataplane.capabilities.protocols
      const named = testbed.driver.degraded(family)
      const routes = [...testbed.cluster.table(family).routes.values()]
      const ours = routes.filter(({ key }) => key.includes(`/${place.name}:`))
      fixture.expect(ours.length === protocols.length, `the table has ${ours.length} routes of the Service`)
      for (const { key, protocol } of ours) {
        if (listed.includes(protocol)) fixture.expect(!named.has(key), `${key} is named as degraded`)
        else fixture.expect(named.has(key), `${key} is of a protocol that isn't listed, and is not named`)
      }
      await fixture.serverFor('pod', 'ClusterIP')
    },
  },
]

export const protocolsScenario = storyScenario('protocols', stories)
