import type { Evaluation } from '@portolan/core'
import { network } from '@portolan/lab'
import { type Target, targetOf } from '../case-objects.ts'
import { type Check, expectedOf, runCheck } from '../check.ts'
import { Fixture } from '../fixture.ts'
import { at, type Client } from '../matrix-case.ts'
import { serviceCidr } from '../objects.ts'
import { otherPort, type Place, place, unallocatedClusterIP } from '../place.ts'
import { type Story, storyScenario } from './stories.ts'

const both: readonly ('TCP' | 'UDP')[] = ['TCP', 'UDP']

/** Ranges around the cluster's own, and an address that lies in them alone. */
const wide = {
  IPv4: { cidr: '10.96.0.0/12', address: '10.97.0.1' },
  IPv6: { cidr: 'fd00:10:96::/108', address: 'fd00:10:96::1:1' },
} as const

/** One client asks; the reference must say what the story says, and the packets what the reference says. */
async function agree(
  fixture: Fixture,
  client: Client,
  target: Target,
  due: Evaluation['verdict'],
  from?: string,
): Promise<void> {
  const { testbed, family, protocol } = fixture
  const origin = testbed.origin(client, family)
  const asked = from === undefined ? origin : { ...origin, address: from }
  const check: Check = { client, origin: asked, protocol, family, testbed, ...target }
  const table = testbed.cluster.table(family)
  const { verdict } = expectedOf(check, table)
  fixture.expect(verdict === due, `the core's reference says "${verdict}", and the claim is "${due}"`)
  fixture.failures.push(...(await runCheck(check, table)))
}

/** Another Service for the same story. */
function neighbour(fixture: Fixture): Fixture {
  const number = Number(fixture.place.name.slice('case-'.length)) + 100
  return new Fixture(fixture.testbed, place(number), fixture.family, fixture.protocol)
}

const externalIPs = (address: Place['externalIP']) => ({ externalIPs: [address.IPv4, address.IPv6] })

/** SEMANTICS 6 to 8: addresses of the node's own, and ranges, that come and go while Services stay. */
const stories: readonly Story[] = [
  {
    feature: 'nodePort',
    name: 'an address that the node gets serves NodePorts, and serves them no more when the node has lost it',
    protocols: both,
    async play(fixture) {
      const { testbed, family, protocol } = fixture
      const target = { address: fixture.place.externalIP[family], port: fixture.place.nodePort }
      const anywhere = family === 'IPv4' ? '0.0.0.0' : '::'
      const leak = protocol === 'TCP' ? anywhere : target.address
      await testbed.serveAt(testbed.lab.internet, protocol, leak, target.port)
      await fixture.become({ service: { externalIPs: [] }, endpoints: at('pod0', 'remote0') })
      await agree(fixture, 'outside', target, 'none')
      for (let turn = 0; turn < 2; turn++) {
        await testbed.bindToNode(target.address)
        await testbed.driver.sync([family])
        for (const client of ['outside', 'pod', 'node'] as const)
          await agree(fixture, client, target, 'balance')
        await testbed.unbindFromNode(target.address)
        await testbed.driver.sync([family])
        await agree(fixture, 'outside', target, 'none')
      }
    },
  },
  {
    feature: 'sourceClasses',
    name: 'what asks from an address that the node has just got is the node',
    also: ['externalAddresses'],
    protocols: both,
    async play(fixture) {
      const { testbed, family } = fixture
      const address = fixture.place.externalIP[family]
      const service = { externalIPs: [], externalTrafficPolicy: 'Local' as const }
      await fixture.become({ service, endpoints: at('remote0') })
      await testbed.bindToNode(address)
      await testbed.driver.sync([family])
      const server = await fixture.serverFor('node', 'LoadBalancer', address)
      fixture.expect(server === fixture.nameOf('remote0'), `it was answered by ${server}`)
      await agree(fixture, 'outside', targetOf('LoadBalancer', fixture.place, family), 'drop')
    },
  },
  {
    feature: 'nodePort',
    name: 'where an external IP and a NodePort meet at one address and port, the external IP goes first',
    also: ['externalAddresses'],
    protocols: both,
    async play(fixture) {
      const { family, protocol } = fixture
      const { node } = network[family]
      const other = neighbour(fixture)
      const port = other.place.nodePort
      const uplink = { IPv4: network.IPv4.node.uplink, IPv6: network.IPv6.node.uplink }
      await other.become({ endpoints: at('pod1') })
      for (let turn = 0; turn < 2; turn++) {
        await agree(other, 'outside', { address: node.uplink, port }, 'balance')
        await fixture.become({
          service: { ports: [{ name: 'meets', protocol, port }], ...externalIPs(uplink) },
          endpoints: at('pod0', 'remote0'),
        })
        for (const client of ['outside', 'pod', 'node'] as const)
          for (const address of [node.uplink, node.remote])
            await agree(fixture, client, { address, port }, 'balance')
        await fixture.remove()
      }
      await agree(other, 'outside', { address: node.uplink, port }, 'balance')
      fixture.failures.push(...other.failures)
    },
  },
  {
    feature: 'localhostNodePorts',
    name: 'a process of the node reaches NodePorts at 127.0.0.1',
    protocols: both,
    families: ['IPv4'],
    async play(fixture) {
      await fixture.become({ endpoints: at('pod0', 'remote0') })
      await agree(fixture, 'node', targetOf('NodePort at loopback', fixture.place, fixture.family), 'balance')
    },
  },
  {
    feature: 'localhostNodePortsIPv6',
    name: 'a process of the node reaches NodePorts at ::1',
    protocols: both,
    families: ['IPv6'],
    async play(fixture) {
      await fixture.become({ endpoints: at('pod0', 'remote0') })
      await agree(fixture, 'node', targetOf('NodePort at loopback', fixture.place, fixture.family), 'balance')
    },
  },
  {
    feature: 'sourceRanges',
    name: 'a load balancer address that is bound to the node may ask itself where the node is within the ranges',
    also: ['externalAddresses', 'dropConnections'],
    protocols: both,
    async play(fixture) {
      const { testbed, family } = fixture
      const { IPv4, IPv6 } = network
      const address = fixture.place.loadBalancerIP[family]
      const target = targetOf('LoadBalancer', fixture.place, family)
      const endpoints = at('pod0', 'remote0')
      const node = [`${IPv4.node.uplink}/32`, `${IPv6.node.uplink}/128`]
      const outside = [`${IPv4.outside}/32`, `${IPv6.outside}/128`]
      await testbed.bindToNode(address)
      await fixture.become({ service: { sourceRanges: node }, endpoints })
      await agree(fixture, 'node', target, 'balance', address)
      await agree(fixture, 'pod', target, 'drop')
      await fixture.become({ service: { sourceRanges: outside }, endpoints })
      await agree(fixture, 'node', target, 'drop', address)
      await agree(fixture, 'outside', target, 'balance')
    },
  },
  {
    feature: 'basics',
    name: "other ports of a ClusterIP that an agent has bound to the node are the agent's, its own port the Service's",
    protocols: both,
    async play(fixture) {
      const { testbed, family, protocol } = fixture
      const address = fixture.place.clusterIP[family]
      await fixture.become({ endpoints: at('pod0', 'remote0') })
      await testbed.bindToNode(address)
      await testbed.driver.sync([family])
      await testbed.serveAt(testbed.lab.node, protocol, address, otherPort)
      for (const client of ['pod', 'node', 'outside'] as const) {
        const answer = await fixture.ask(client, 'ClusterIP, other port')
        const by = answer.result === 'answered' ? answer.host : answer.result
        fixture.expect(by === 'node', `${client} asks the agent: ${by}`)
        await agree(fixture, client, targetOf('ClusterIP', fixture.place, family), 'balance')
      }
    },
  },
  {
    feature: 'dropUnallocated',
    name: 'a ServiceCIDR around another one is dropped as a whole, and leaves the other when it goes',
    protocols: ['TCP'],
    async play(fixture) {
      const { testbed, family } = fixture
      const around = { address: wide[family].address, port: otherPort }
      const within = { address: unallocatedClusterIP[family], port: otherPort }
      const name = `wide-${family.toLowerCase()}`
      await fixture.become({ endpoints: at('pod0') })
      for (let turn = 0; turn < 2; turn++) {
        await agree(fixture, 'pod', around, 'none')
        testbed.cluster.set(serviceCidr([wide[family].cidr], name))
        await testbed.driver.sync([family])
        await agree(fixture, 'pod', around, 'drop')
        await agree(fixture, 'pod', within, 'drop')
        await agree(fixture, 'pod', targetOf('ClusterIP', fixture.place, family), 'balance')
        testbed.cluster.removeServiceCidr(name)
        await testbed.driver.sync([family])
        await agree(fixture, 'pod', within, 'drop')
      }
      await agree(fixture, 'pod', around, 'none')
    },
  },
]

export const nodeAddressesScenario = storyScenario(
  'addresses of the node and ranges that come and go',
  stories,
  undefined,
  { nodePortAddresses: 'all' },
)
