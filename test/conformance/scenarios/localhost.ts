import { setTimeout as sleep } from 'node:timers/promises'
import { localhostFamiliesOf } from '@portolan/core'
import { targetOf } from '../case-objects.ts'
import type { Fixture } from '../fixture.ts'
import { at } from '../matrix-case.ts'
import { type Story, storyScenario } from './stories.ts'

const loopback = 'NodePort at loopback'

/** Asks again until the answer is the one that is due: what listens follows a little later than the kernel. */
async function settles(fixture: Fixture, due: string): Promise<void> {
  const { answerMs } = fixture.timeouts
  const end = performance.now() + answerMs
  for (;;) {
    const answer = await fixture.ask('node', loopback)
    const what = answer.result === 'answered' ? `${answer.address}|${answer.port}` : answer.result
    if (what === due) return
    if (performance.now() > end) {
      fixture.expect(false, `the node at loopback: ${what} for ${answerMs} ms, and ${due} was due`)
      return
    }
    await sleep(20)
  }
}

/** SEMANTICS 8, KEP-6032: by the dataplane, or by what the core forwards. TCP is the least that both do. */
const stories: readonly Story[] = [
  {
    feature: 'nodePort',
    name: 'a process of the node that asks at loopback is answered by every endpoint, which sees the node',
    protocols: ['TCP'],
    async play(fixture) {
      const { testbed, family } = fixture
      await fixture.become({ endpoints: at('pod0') })
      await settles(fixture, fixture.nameOf('pod0'))
      await fixture.become({ endpoints: at('pod0', 'remote0') })
      await settles(fixture, fixture.nameOf('remote0'))
      const servers = await fixture.serversFor('node', loopback, 40)
      fixture.expect(servers.size === 2, `40 connections were answered by ${[...servers].join(', ')}`)
      const answer = await fixture.ask('node', loopback)
      const seen = answer.result === 'answered' ? answer.seen.address : answer.result
      const isNode = testbed.lab.node.addresses[family].includes(seen)
      fixture.expect(isNode, `the endpoint sees ${seen}`)
    },
  },
  {
    feature: 'nodePort',
    name: 'at loopback new connections follow the endpoints, those that there are stay, and without any they are refused',
    protocols: ['TCP'],
    async play(fixture) {
      await fixture.become({ endpoints: at('pod0') })
      await settles(fixture, fixture.nameOf('pod0'))
      const stillThere = await fixture.hold('node', loopback, 4)
      await fixture.become({ endpoints: at('remote0') })
      await settles(fixture, fixture.nameOf('remote0'))
      await fixture.become({ endpoints: [] })
      await settles(fixture, 'refused')
      await fixture.become({ endpoints: at('pod1') })
      await settles(fixture, fixture.nameOf('pod1'))
      await fixture.remove()
      await settles(fixture, 'refused')
      await stillThere()
    },
  },
  {
    feature: 'nodePort',
    name: "a pod's own server at its loopback answers that pod, whatever Service has its port as NodePort",
    protocols: ['TCP', 'UDP'],
    async play(fixture) {
      const { testbed, place, protocol, family } = fixture
      const { host } = testbed.origin('pod', family)
      const { address } = targetOf(loopback, place, family)
      await testbed.serveAt(host, protocol, address, place.nodePort)
      for (const externalTrafficPolicy of ['Cluster', 'Local'] as const)
        for (const endpoints of [[], at('pod0'), at('remote0')]) {
          await fixture.become({ service: { externalTrafficPolicy }, endpoints })
          const answer = await fixture.ask('pod', loopback)
          const who = answer.result === 'answered' ? answer.host : answer.result
          fixture.expect(who === host.name, `${externalTrafficPolicy}, ${endpoints.length} endpoints: ${who}`)
        }
    },
  },
  {
    feature: 'nodePort',
    name: 'with session affinity all that ask at loopback stay with one endpoint',
    protocols: ['TCP'],
    async play(fixture) {
      const { capabilities } = fixture.testbed.dataplane
      const inKernel = localhostFamiliesOf(capabilities).includes(fixture.family)
      // What the core forwards has affinity, whatever the dataplane has.
      if (inKernel && capabilities.gaps.affinity !== undefined) return
      const service = { affinitySeconds: 600 }
      await fixture.become({ service, endpoints: at('pod0') })
      await settles(fixture, fixture.nameOf('pod0'))
      await fixture.become({ service, endpoints: at('pod0', 'pod1', 'remote0', 'remote1') })
      const servers = await fixture.serversFor('node', loopback, 30)
      fixture.expect(servers.size === 1, `30 connections were answered by ${[...servers].join(', ')}`)
    },
  },
]

export const localhostScenario = storyScenario(
  'NodePorts at localhost',
  stories,
  async (testbed) => testbed.forwardLocalhost(),
  { nodePortAddresses: 'all' },
)
