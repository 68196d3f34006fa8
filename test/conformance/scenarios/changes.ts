import { setTimeout as sleep } from 'node:timers/promises'
import { Fixture } from '../fixture.ts'
import { at } from '../matrix-case.ts'
import { type EndpointHost, place } from '../place.ts'
import { type Story, storyScenario } from './stories.ts'

function chunks<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  )
}

/** Linux sends the second SYN after a second, less a tick of its clock; how fast the machine is makes no difference. */
const synAgainMs = 950

const remotes = (count: number): EndpointHost[] =>
  Array.from({ length: count }, (_, index): EndpointHost => `remote${index}`)

/** What happens to connections, new ones and established ones, while a Service changes. */
const stories: readonly Story[] = [
  {
    feature: 'basics',
    name: 'while endpoints are replaced one by one, no new connection is refused or led astray and no old one breaks',
    protocols: ['TCP', 'UDP', 'SCTP'],
    async play(fixture) {
      const rolling: EndpointHost[][] = [
        ['pod0', 'remote0', 'remote1'],
        ['remote2', 'remote0', 'remote1'],
        ['remote2', 'pod1', 'remote1'],
        ['remote2', 'pod1', 'remote3'],
        ['pod0', 'pod1', 'remote3'],
        ['pod0', 'remote0', 'remote3'],
        ['pod0', 'remote0', 'remote1'],
      ]
      await fixture.become({ endpoints: at('pod0', 'remote0', 'remote1') })
      const stillHeld =
        fixture.protocol === 'TCP' ? await fixture.hold('outside', fixture.nodePort, 6) : undefined
      const loopEnds = await fixture.connectAllTheTime('pod', 'ClusterIP')
      for (const hosts of [...rolling, ...rolling, ...rolling]) {
        await fixture.become({ endpoints: at(...hosts) })
        await sleep(fixture.timeouts.betweenChangesMs)
      }
      await loopEnds({ endpoints: [...new Set(rolling.flat())].map((host) => fixture.nameOf(host)) })
      await stillHeld?.()
    },
  },
  {
    feature: 'basics',
    name: 'while the endpoints go from 1 to 100 and back to 1, no connection is refused, led astray or broken',
    protocols: ['TCP', 'UDP'],
    async play(fixture) {
      const hosts = remotes(100)
      await fixture.become({ endpoints: at(...hosts) })
      await fixture.become({ endpoints: at('remote0') })
      const stillHeld =
        fixture.protocol === 'TCP' ? await fixture.hold('outside', fixture.external, 4) : undefined
      const loopEnds = await fixture.connectAllTheTime('pod', 'ClusterIP')
      for (const count of [100, 1, 2, 100, 50, 3, 1]) {
        await fixture.become({ endpoints: at(...remotes(count)) })
        await sleep(fixture.timeouts.betweenChangesMs)
      }
      await loopEnds({ endpoints: hosts.map((host) => fixture.nameOf(host)) })
      await stillHeld?.()
    },
  },
  {
    feature: 'basics',
    name: 'while traffic policies are switched, outside clients are served all the time',
    protocols: ['TCP', 'UDP'],
    async play(fixture) {
      const endpoints = at('pod0', 'pod1', 'remote0')
      await fixture.become({ endpoints })
      const stillHeld =
        fixture.protocol === 'TCP' ? await fixture.hold('outside', fixture.nodePort, 6) : undefined
      const loopEnds = await fixture.connectAllTheTime('outside', fixture.external)
      for (let turn = 0; turn < 5; turn++) {
        for (const policy of ['Local', 'Cluster'] as const) {
          await fixture.become({
            service: { externalTrafficPolicy: policy, internalTrafficPolicy: policy },
            endpoints,
          })
          await sleep(fixture.timeouts.betweenChangesMs)
        }
      }
      await loopEnds({
        endpoints: ['pod0', 'pod1', 'remote0'].map((host) => fixture.nameOf(host as EndpointHost)),
      })
      await stillHeld?.()
    },
  },
  {
    feature: 'basics',
    name: 'while session affinity is switched on and off, clients are served all the time',
    protocols: ['TCP', 'UDP'],
    async play(fixture) {
      const endpoints = at('pod0', 'remote0', 'remote1')
      await fixture.become({ endpoints })
      const stillHeld =
        fixture.protocol === 'TCP' ? await fixture.hold('outside', fixture.nodePort, 6) : undefined
      const loopEnds = await fixture.connectAllTheTime('pod', 'ClusterIP')
      for (let turn = 0; turn < 5; turn++) {
        await fixture.become({ service: { affinitySeconds: 60 }, endpoints })
        await sleep(fixture.timeouts.betweenChangesMs)
        await fixture.become({ endpoints })
        await sleep(fixture.timeouts.betweenChangesMs)
      }
      await loopEnds({
        endpoints: ['pod0', 'remote0', 'remote1'].map((host) => fixture.nameOf(host as EndpointHost)),
      })
      await stillHeld?.()
    },
  },
  {
    feature: 'dropUnallocated',
    also: ['cleanChanges'],
    // A client has to ask in the very moment of a change.
    holdsWithout: ['cleanChanges'],
    name: 'while a Service is deleted and made again, its ClusterIP never leaks and its established connections stay',
    protocols: ['TCP', 'UDP'],
    async play(fixture) {
      const endpoints = at('pod0', 'remote0')
      await fixture.become({ endpoints })
      const stillHeld =
        fixture.protocol === 'TCP' ? await fixture.hold('outside', fixture.nodePort, 4) : undefined
      const loopEnds = await fixture.connectAllTheTime('pod', 'ClusterIP')
      for (let turn = 0; turn < 4; turn++) {
        await fixture.remove()
        await sleep(fixture.timeouts.betweenChangesMs)
        await fixture.become({ endpoints })
        await sleep(fixture.timeouts.betweenChangesMs)
      }
      // While there is no Service its address drops, so a client that is unlucky with each of its SYNs may give up.
      await loopEnds({
        endpoints: ['pod0', 'remote0'].map((host) => fixture.nameOf(host as EndpointHost)),
        results: ['timeout'],
      })
      await fixture.serverFor('pod', 'ClusterIP')
      await stillHeld?.()
    },
  },
  {
    feature: 'rejectWithoutEndpoint',
    also: ['cleanChanges'],
    // A client has to ask in the very moment of a change.
    holdsWithout: ['cleanChanges'],
    name: 'a Service that loses its last endpoint and gets one again is refused or served, with nothing in between',
    protocols: ['TCP', 'UDP'],
    async play(fixture) {
      await fixture.become({ endpoints: at('remote0') })
      const loopEnds = await fixture.connectAllTheTime('pod', 'ClusterIP', 'dense')
      const externalEnds = await fixture.connectAllTheTime('outside', fixture.nodePort, 'dense')
      for (let turn = 0; turn < 6; turn++) {
        await fixture.become({ endpoints: [] })
        await sleep(fixture.timeouts.betweenChangesMs)
        await fixture.become({ endpoints: at(turn % 2 === 0 ? 'pod1' : 'remote0') })
        await sleep(fixture.timeouts.betweenChangesMs)
      }
      const endpoints = [fixture.nameOf('remote0'), fixture.nameOf('pod1')]
      await loopEnds({ endpoints, results: ['refused'] })
      await externalEnds({ endpoints, results: ['refused'] })
    },
  },
  {
    feature: 'rejectWithoutEndpoint',
    name: 'a TCP client that is refused hears of it at once, and not when it sends its SYN again',
    protocols: ['TCP'],
    async play(fixture) {
      await fixture.become({ endpoints: [] })
      const asking = [
        ['pod', 'ClusterIP'],
        ['node', 'ClusterIP'],
        // Of another machine on a real node; but one that shares its network with virtual machines has such clients too.
        ['outside', fixture.nodePort],
      ] as const
      for (const [client, to] of asking) {
        // The quickest of some: a busy machine may hold up one, but not each of them by a second.
        let quickest = Number.POSITIVE_INFINITY
        for (let attempt = 0; attempt < 5 && quickest >= synAgainMs; attempt++) {
          const { result, milliseconds } = await fixture.ask(client, to)
          fixture.expect(result === 'refused', `${client} to ${to}: ${result}`)
          quickest = Math.min(quickest, milliseconds)
        }
        fixture.expect(
          quickest < synAgainMs,
          `${client} to ${to}: the quickest of five refusals took ${Math.round(quickest)} ms, so that each came with a second SYN`,
        )
      }
    },
  },
  {
    feature: 'atomicChange',
    // A client has to ask in the very moment between two changes.
    holdsWithout: ['atomicChange'],
    name: 'an address that goes from one Service to another is served by one of the two at every moment',
    also: ['externalAddresses'],
    protocols: ['TCP', 'UDP'],
    async play(fixture) {
      const otherPlace = place(900 + Number(fixture.place.name.slice('case-'.length)))
      const other = new Fixture(fixture.testbed, otherPlace, fixture.family, fixture.protocol)
      const { externalIP } = fixture.place
      const withAddress = { externalIPs: [externalIP.IPv4, externalIP.IPv6] }
      const without = { externalIPs: [] }
      await other.become({ service: without, endpoints: at('pod1') })
      await fixture.become({ service: withAddress, endpoints: at('pod0') })
      const loopEnds = await fixture.connectAllTheTime('outside', 'ExternalIP', 'dense')
      for (let turn = 0; turn < 6; turn++) {
        const [mine, theirs] = turn % 2 === 0 ? [without, withAddress] : [withAddress, without]
        fixture.declare({ service: mine, endpoints: at('pod0') })
        other.declare({ service: theirs, endpoints: at('pod1') })
        await fixture.testbed.driver.sync([fixture.family])
        await sleep(fixture.timeouts.betweenChangesMs)
      }
      await loopEnds({ endpoints: [fixture.nameOf('pod0'), other.nameOf('pod1')] })
      fixture.failures.push(...other.failures)
    },
  },
  {
    feature: 'basics',
    name: 'a Service is not disturbed while a hundred others come, change and go',
    protocols: ['TCP'],
    async play(fixture) {
      await fixture.become({ endpoints: at('pod0', 'remote0') })
      const stillHeld = await fixture.hold('pod', 'ClusterIP', 4)
      const loopEnds = await fixture.connectAllTheTime('pod', 'ClusterIP', 'dense')
      const datagramsEnd = await fixture.beside('UDP').connectAllTheTime('pod', 'ClusterIP', 'dense')
      const others = Array.from({ length: 100 }, (_, index) => {
        const number = (fixture.family === 'IPv4' ? 500 : 700) + index
        return new Fixture(fixture.testbed, place(number), fixture.family, 'TCP')
      })
      // Four at a time, and more where every apply takes a second: the other stories change theirs one by one meanwhile.
      const groups = chunks(others, Math.ceil(4 * fixture.timeouts.slowness))
      const eachOne = async (change: (other: Fixture) => Promise<void> | void) => {
        for (const group of groups) {
          await Promise.all(group.map(change))
          await fixture.testbed.driver.sync([fixture.family])
        }
      }
      await eachOne(async (other) => {
        const state = { endpoints: at('remote1') }
        await other.serveEndpoints(state)
        other.declare(state)
      })
      await eachOne((other) => other.declare({ endpoints: [] }))
      await eachOne((other) => other.undeclare())
      for (const end of [loopEnds, datagramsEnd])
        await end({ endpoints: [fixture.nameOf('pod0'), fixture.nameOf('remote0')] })
      await stillHeld()
    },
  },
]

export const changesScenario = storyScenario('changes under traffic', stories)
