import { setTimeout as sleep } from 'node:timers/promises'
import { targetOf } from '../case-objects.ts'
import type { Fixture, ServiceState } from '../fixture.ts'
import { at, type Client, type Destination } from '../matrix-case.ts'
import type { EndpointHost } from '../place.ts'
import { type Story, storyScenario } from './stories.ts'

/** Where a client's datagrams from one port go: an endpoint's name, `internet` for a leak, or why there is no answer. */
async function ask(fixture: Fixture, client: Client, to: Destination, port: number): Promise<string> {
  const { host, address } = fixture.testbed.origin(client, fixture.family)
  const { datagramMs } = fixture.timeouts
  const end = performance.now() + datagramMs
  for (;;) {
    try {
      const answer = await host.probe({
        protocol: 'UDP',
        to: targetOf(to, fixture.place, fixture.family),
        from: { address, port },
        timeoutMs: datagramMs,
      })
      if (answer.result !== 'answered') return answer.result
      return answer.host === 'internet' ? 'internet' : `${answer.address}|${answer.port}`
    } catch (error) {
      // The port may be held for a moment by the socket that was closed just now.
      if (!String(error).includes('EADDRINUSE') || performance.now() > end) throw error
      await sleep(20)
    }
  }
}

/** A port of the client's that is this Service's alone. */
const clientPort = ({ place }: Fixture, index = 0) => 40_000 + (place.nodePort % 1000) * 20 + index

/**
 * Asks from the same port again until the answer is as wanted: flows are forgotten beside the apply, not by it.
 *
 * @throws when it takes longer than any machine needs
 */
async function becomes(
  fixture: Fixture,
  client: Client,
  to: Destination,
  what: string,
  isWanted: (answer: string) => boolean,
): Promise<void> {
  // A pass through the flows rests four times as long as the one before took, and many stories are told at once.
  const end = performance.now() + fixture.timeouts.callMs
  let answer: string
  do {
    answer = await ask(fixture, client, to, clientPort(fixture))
    if (isWanted(answer)) return
    await sleep(50)
  } while (performance.now() < end)
  throw new Error(`${client} to ${to}, from the same port as before: ${answer}, where ${what} is due`)
}

async function isLedTo(
  fixture: Fixture,
  client: Client,
  to: Destination,
  host: EndpointHost,
  portOffset = 0,
): Promise<void> {
  const name = fixture.nameOf(host, portOffset)
  await becomes(fixture, client, to, name, (answer) => answer === name)
}

/** The client's endpoint is replaced, by one that is there already, and then by one that comes for it. */
function replaced(
  client: Client,
  to: Destination,
  [first, second, third]: readonly [EndpointHost, EndpointHost, EndpointHost],
  service: ServiceState['service'] = {},
): Story['play'] {
  return async (fixture) => {
    await fixture.become({ service, endpoints: at(first) })
    await isLedTo(fixture, client, to, first)
    await fixture.become({ service, endpoints: at(first, second) })
    await fixture.become({ service, endpoints: at(second) })
    await isLedTo(fixture, client, to, second)
    await fixture.become({ service, endpoints: at(third) })
    await isLedTo(fixture, client, to, third)
  }
}

const common = { feature: 'udpFlows', protocols: ['UDP'] } as const

/** What becomes of a client that keeps its port, as a DNS forwarder does (SEMANTICS 12). */
const stories: readonly Story[] = [
  {
    ...common,
    name: 'a pod that keeps its port is led to another endpoint when its own is replaced',
    play: replaced('pod', 'ClusterIP', ['remote0', 'pod0', 'remote1']),
  },
  {
    ...common,
    name: 'the node, when it keeps its port, is led to another endpoint when its own is replaced',
    play: replaced('node', 'ClusterIP', ['remote0', 'pod0', 'remote1']),
  },
  {
    ...common,
    name: 'with internalTrafficPolicy Local a pod that keeps its port is led to the endpoint that replaces its own',
    play: replaced('pod', 'ClusterIP', ['pod0', 'pod1', 'pod0'], { internalTrafficPolicy: 'Local' }),
  },
  {
    ...common,
    name: 'a client outside that keeps its port is led to another endpoint of a NodePort when its own is replaced',
    also: ['nodePort'],
    play: replaced('outside', 'NodePort', ['remote0', 'pod0', 'remote1']),
  },
  {
    ...common,
    name: 'a client outside that keeps its port is led to another endpoint of a load balancer when its own is replaced',
    also: ['externalAddresses'],
    play: replaced('outside', 'LoadBalancer', ['pod0', 'remote0', 'pod1']),
  },
  {
    ...common,
    name: 'a client that keeps its port follows an endpoint to another target port',
    async play(fixture) {
      for (const portOffset of [0, 1, 2]) {
        await fixture.become({ endpoints: [{ host: 'remote0', portOffset }] })
        await isLedTo(fixture, 'pod', 'ClusterIP', 'remote0', portOffset)
      }
    },
  },
  {
    ...common,
    // What is refused leaves no flow with most.
    holdsWithout: ['udpFlows'],
    name: 'a client that keeps its port reaches the first endpoint of a Service that had none when it asked',
    async play(fixture) {
      await fixture.become({ endpoints: [] })
      const frontends = fixture.served('ClusterIP', 'ExternalIP')
      for (const to of frontends) await ask(fixture, 'pod', to, clientPort(fixture))
      await fixture.become({ endpoints: at('pod0') })
      for (const to of frontends) await isLedTo(fixture, 'pod', to, 'pod0')
    },
  },
  {
    ...common,
    name: 'a client that keeps its port reaches a Service which has come to an address that it asked before',
    also: ['externalAddresses'],
    async play(fixture) {
      const { testbed, place, family } = fixture
      const { address, port } = targetOf('ExternalIP', place, family)
      await testbed.serveAt(testbed.lab.internet, 'UDP', address, port)
      await becomes(fixture, 'pod', 'ExternalIP', 'internet', (answer) => answer === 'internet')
      await fixture.become({ endpoints: at('remote0') })
      await isLedTo(fixture, 'pod', 'ExternalIP', 'remote0')
    },
  },
  {
    ...common,
    name: 'a client that keeps its port is led to no endpoint once the last one has gone',
    async play(fixture) {
      await fixture.become({ endpoints: at('remote0') })
      await isLedTo(fixture, 'pod', 'ClusterIP', 'remote0')
      await fixture.become({ endpoints: [] })
      await becomes(fixture, 'pod', 'ClusterIP', 'none', (answer) => !answer.includes('|'))
      await fixture.become({ endpoints: at('remote1') })
      await isLedTo(fixture, 'pod', 'ClusterIP', 'remote1')
    },
  },
  {
    feature: 'basics',
    protocols: ['UDP'],
    name: 'clients that keep their ports stay with their endpoints while others come and go',
    async play(fixture) {
      const clients = Array.from({ length: 12 }, (_, index) => clientPort(fixture, index))
      const answers = () => Promise.all(clients.map((port) => ask(fixture, 'pod', 'ClusterIP', port)))
      await fixture.become({ endpoints: at('pod0', 'remote0') })
      const before = await answers()
      for (const others of [['remote1'], ['remote2', 'remote3'], []] as const) {
        await fixture.become({ endpoints: at('pod0', 'remote0', ...others) })
        const after = await answers()
        const moved = before.filter((name, index) => name !== after[index]).length
        fixture.expect(moved === 0, `${moved} of ${clients.length} clients moved, from ${before} to ${after}`)
      }
    },
  },
]

export const udpFlowsScenario = storyScenario('flows of UDP', stories)
