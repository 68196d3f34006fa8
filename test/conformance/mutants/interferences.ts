import type { Behaviour } from './behaviour-mutant.ts'

/** Adds something to the node that is none of its business, in a table of nft of its own, and takes it away when it cleans up. */
const adding =
  (rules: string): Behaviour =>
  ({ real, nft }) => ({
    async start() {
      await real.start()
      await nft('add table ip meddler', 'delete table ip meddler', `table ip meddler {\n${rules}\n}`)
    },
    async cleanup() {
      const report = await real.cleanup()
      await nft('add table ip meddler', 'delete table ip meddler')
      return report
    },
  })

/** Dataplanes that do their work, and touch what isn't a Service's, in IPv4 and on the kit's virtual node; by name. */
export const interferences = {
  /** At an address of the node where it is not served. */
  answersAsNodePortElsewhere: adding(`chain pre {
    type nat hook prerouting priority -150
    ip daddr 172.22.0.1 udp dport 80 dnat to 10.1.0.2:10000
  }`),

  /** Where the node's own client has the number of a NodePort, or a network plugin has masqueraded a pod to it. */
  losesAnswersToTheNode: adding(`chain pre {
    type filter hook prerouting priority -300
    ip daddr 172.20.0.2 udp sport 123 udp dport 30000 drop
  }`),

  /** The same, but a Service's pod gets them. */
  takesAnswersForNewFlows: adding(`chain pre {
    type filter hook prerouting priority -310
    ip daddr 172.20.0.2 udp dport 30000 ip daddr set 10.1.0.2 udp dport set 10000 notrack
  }`),

  losesFragments: adding(`chain pre {
    type filter hook prerouting priority -500
    ip frag-off & 0x1fff > 0 drop
  }`),

  changesPortsOfDirectClients: adding(`chain post {
    type nat hook postrouting priority 90
    ip saddr 172.20.0.100 ct original ip daddr 10.1.0.0/24 udp dport 10000 snat to 172.20.0.100:61000-65000
  }`),

  losesLongPings: adding(`chain pre {
    type filter hook prerouting priority -300
    icmp type echo-request ip length > 900 drop
  }`),

  /** They see an address of the node instead of a pod's. */
  masqueradesToStrangers: adding(`chain post {
    type nat hook postrouting priority 90
    ip saddr 10.1.0.2 oifname eth2 masquerade
  }`),

  masqueradesToAnEndpoint: adding(`chain post {
    type nat hook postrouting priority 90
    ip daddr 10.1.1.2 ip saddr 10.1.0.0/24 masquerade
  }`),

  /** From a port from which a connection to a Service was made before, the same endpoint can't be reached past it. */
  losesDirectFlowsFromSharedPorts: adding(`set used {
    type ipv4_addr . inet_service
    flags dynamic,timeout
    timeout 1m
  }
  chain post {
    type filter hook postrouting priority 0
    ct status dnat ct direction original meta l4proto { tcp, udp } update @used { ct original ip saddr . ct original proto-src }
  }
  chain pre {
    type filter hook prerouting priority -199
    ip daddr 10.1.0.0/16 ct direction original ip saddr . th sport @used drop
  }`),

  /** What an endpoint answers to who asked it directly seems to come from a Service. */
  answersDirectFlowsAsTheService: adding(`chain post {
    type filter hook postrouting priority 300
    ip saddr 10.1.0.2 udp sport 10000 ct direction reply ct original ip daddr 10.1.0.2 ip saddr set 10.96.0.1
  }`),
} as const satisfies Record<string, Behaviour>

export type InterferenceName = keyof typeof interferences
