import { setTimeout as sleep } from 'node:timers/promises'
import type { IpFamily } from '@portolan/core'
import { remotePodAddress } from '@portolan/lab'
import type { Fixture } from '../fixture.ts'
import { at } from '../matrix-case.ts'
import type { Testbed } from '../testbed.ts'
import { type Story, storyScenario } from './stories.ts'

const four = at('pod0', 'pod1', 'remote0', 'remote1')
/** Those that a pod of the other node can reach: its own neighbours' answers would not come back this way. */
const two = at('pod0', 'pod1')

/** Long enough never to end within a story. */
const long = { affinitySeconds: 600 }

/** Enough clients that "by chance all of them kept their endpoint" means once in 2^30 runs. */
const clients = Array.from({ length: 30 }, (_, index) => index)

const both: readonly ('TCP' | 'UDP')[] = ['TCP', 'UDP']

/** More addresses of the outside host, to be several clients. */
const outsideClients = Array.from({ length: 8 }, (_, index) => index)
const outsideAddress = (family: IpFamily, index: number) =>
  family === 'IPv4' ? `172.20.0.${110 + index}` : `fd00:172:20::${110 + index}`

async function addOutsideClients({ lab, families }: Testbed): Promise<void> {
  for (const family of families)
    for (const index of outsideClients) await lab.outside.addAddress(outsideAddress(family, index))
}

/** The endpoint of each of many clients. */
function endpointsOfClients(fixture: Fixture): Promise<string[]> {
  return Promise.all(
    clients.map((index) =>
      fixture.serverFor('remotePod', 'ClusterIP', remotePodAddress(fixture.family, 100 + index)),
    ),
  )
}

/** SEMANTICS 10. */
const stories: readonly Story[] = [
  {
    feature: 'affinity',
    name: 'with session affinity a client stays with its endpoint',
    protocols: [...both, 'SCTP'],
    async play(fixture) {
      await fixture.become({ service: long, endpoints: four })
      for (const client of ['pod', 'node', 'outside'] as const) {
        const first = await fixture.serverFor(client, 'ClusterIP')
        const later = await fixture.serversFor(client, 'ClusterIP', 24)
        fixture.expect(
          later.size === 1 && later.has(first),
          `${client} was with ${first}, then ${[...later]}`,
        )
      }
    },
  },
  {
    feature: 'affinity',
    name: 'with session affinity different clients are spread over the endpoints, and each stays with its own',
    protocols: both,
    async play(fixture) {
      await fixture.become({ service: long, endpoints: two })
      const first = await endpointsOfClients(fixture)
      const second = await endpointsOfClients(fixture)
      fixture.expect(new Set(first).size === 2, `all of ${clients.length} clients went to ${first[0]}`)
      const moved = first.filter((endpoint, index) => endpoint !== second[index]).length
      fixture.expect(moved === 0, `${moved} of ${clients.length} clients moved`)
    },
  },
  {
    feature: 'affinityAcrossFrontends',
    // Memories of one frontend each come to the same endpoint for all, by luck or by turns.
    holdsWithout: ['affinityAcrossFrontends'],
    name: 'a client keeps its endpoint across ClusterIP, external IP, load balancer address and NodePort',
    protocols: both,
    async play(fixture) {
      await fixture.become({ service: long, endpoints: four })
      // Where each frontend takes endpoints in turns by itself, they are not at the same turn.
      for (const [index, to] of fixture.served('ClusterIP', 'ExternalIP', 'ExternalIP').entries())
        await fixture.serverFor('outside', to, outsideAddress(fixture.family, 5 + index))
      // Four clients: with one, an endpoint for each frontend is the same endpoint by chance once in 64 runs.
      for (const client of outsideClients.slice(0, 4)) {
        const from = outsideAddress(fixture.family, client)
        const seen = new Set<string>()
        for (const to of fixture.served('NodePort', 'ClusterIP', 'ExternalIP', 'LoadBalancer', 'NodePort'))
          for (let turn = 0; turn < 2; turn++) seen.add(await fixture.serverFor('outside', to, from))
        fixture.expect(seen.size === 1, `client ${from} was with ${[...seen].join(' and ')}`)
      }
    },
  },
  {
    feature: 'affinity',
    name: 'clients stay with their endpoints when more endpoints come',
    protocols: both,
    async play(fixture) {
      await fixture.become({ service: long, endpoints: two })
      const before = await endpointsOfClients(fixture)
      await fixture.become({ service: long, endpoints: at('remote0', 'remote1', 'pod0', 'pod1', 'remote2') })
      const after = await endpointsOfClients(fixture)
      const moved = before.filter((endpoint, index) => endpoint !== after[index]).length
      fixture.expect(moved === 0, `${moved} of ${clients.length} clients moved`)
    },
  },
  {
    feature: 'affinity',
    name: 'clients whose endpoint leaves get another one and stay there; the others stay where they were',
    protocols: both,
    async play(fixture) {
      await fixture.become({ service: long, endpoints: two })
      const before = await endpointsOfClients(fixture)
      const gone = fixture.nameOf('pod0')
      await fixture.become({ service: long, endpoints: at('pod1', 'remote0') })
      for (const [index, endpoint] of before.entries()) {
        const from = outsideAddress(fixture.family, index % outsideClients.length)
        if (endpoint !== gone) continue
        const now = await fixture.serverFor('outside', 'ClusterIP', from)
        const later = await fixture.serverFor('outside', 'ClusterIP', from)
        fixture.expect(now !== gone && now === later, `a client went from ${gone} to ${now}, then ${later}`)
      }
      await fixture.become({ service: long, endpoints: at('pod1') })
      const after = await endpointsOfClients(fixture)
      fixture.expect(
        after.every((endpoint) => endpoint === fixture.nameOf('pod1')),
        `clients are still led to ${[...new Set(after)].join(' and ')}`,
      )
    },
  },
  {
    feature: 'affinityTimeout',
    name: 'affinity ends once a client has made no connection for the timeout',
    protocols: both,
    async play(fixture) {
      const { affinitySeconds, pauseMs } = fixture.timeouts.forgotten
      await fixture.become({ service: { affinitySeconds }, endpoints: two })
      const before = await endpointsOfClients(fixture)
      await sleep(pauseMs)
      const after = await endpointsOfClients(fixture)
      fixture.expect(
        before.some((endpoint, index) => endpoint !== after[index]),
        `none of ${clients.length} clients moved after the timeout of ${affinitySeconds} s`,
      )
    },
  },
  {
    feature: 'affinity',
    name: 'every new connection of a client starts the timeout anew',
    protocols: ['TCP'],
    async play(fixture) {
      const { affinitySeconds, pauseMs, pauses } = fixture.timeouts.renewed
      await fixture.become({ service: { affinitySeconds }, endpoints: two })
      let since = performance.now()
      let before = await endpointsOfClients(fixture)
      for (let pause = 1; pause <= pauses; pause++) {
        await sleep(pauseMs)
        const begun = performance.now()
        const now = await endpointsOfClients(fixture)
        // Where the machine stood still for longer than the timeout, clients may have moved, and it begins again.
        const isTooLate = performance.now() - since >= affinitySeconds * 1000
        since = begun
        if (isTooLate) {
          before = now
          pause = 0
          continue
        }
        const moved = before.filter((endpoint, index) => endpoint !== now[index]).length
        fixture.expect(
          moved === 0,
          `${moved} of ${clients.length} clients moved after ${(pause * pauseMs) / 1000} s`,
        )
      }
    },
  },
  {
    feature: 'affinity',
    name: 'session affinity can be switched on and off on a living Service',
    protocols: both,
    async play(fixture) {
      await fixture.become({ endpoints: four })
      fixture.expect(
        (await fixture.serversFor('pod', 'ClusterIP', 60)).size > 1,
        'without affinity: not spread',
      )
      await fixture.become({ service: long, endpoints: four })
      await fixture.serverFor('pod', 'ClusterIP')
      fixture.expect((await fixture.serversFor('pod', 'ClusterIP', 24)).size === 1, 'switched on: spread')
      await fixture.become({ endpoints: four })
      fixture.expect((await fixture.serversFor('pod', 'ClusterIP', 60)).size > 1, 'switched off: not spread')
      await fixture.become({ service: long, endpoints: four })
      await fixture.serverFor('pod', 'ClusterIP')
      fixture.expect(
        (await fixture.serversFor('pod', 'ClusterIP', 24)).size === 1,
        'switched on again: spread',
      )
    },
  },
  {
    // Also of a dataplane without affinity: it serves such a Service as any other.
    feature: 'basics',
    name: 'affinity never leads out of the endpoints that a destination may use',
    protocols: both,
    async play(fixture) {
      const service = { ...long, externalTrafficPolicy: 'Local' as const }
      await fixture.become({ service, endpoints: at('pod0', 'remote0', 'remote1', 'remote2') })
      for (const index of outsideClients) {
        const from = outsideAddress(fixture.family, index)
        await fixture.serverFor('outside', 'ClusterIP', from)
        if (fixture.external === 'ClusterIP') continue
        const external = await fixture.serverFor('outside', fixture.external, from)
        fixture.expect(
          external === fixture.nameOf('pod0'),
          `with externalTrafficPolicy Local a client was led to ${external}`,
        )
      }
    },
  },
]

export const affinityScenario = storyScenario('session affinity', stories, addOutsideClients)
