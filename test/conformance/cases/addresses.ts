import { network } from '@portolan/lab'
import {
  answeredBy,
  at,
  dropped,
  type MatrixCase,
  masqueradedTo,
  refused,
  untouched,
} from '../matrix-case.ts'
import { contestedExternalIP as contested } from '../place.ts'

const everyClient = ['pod', 'node', 'outside'] as const
const all = <Value>(value: Value) => Object.fromEntries(everyClient.map((client) => [client, value]))

/** SEMANTICS 2, 6 and 8: which addresses and ports are served, and what happens beside them. */
export const addressCases: readonly MatrixCase[] = [
  {
    endpoints: at('pod0', 'remote0'),
    rows: [
      {
        feature: 'rejectOtherPorts',
        name: 'a port that no Service has is refused at an active ClusterIP',
        to: ['ClusterIP, other port'],
        due: all(refused),
      },
      {
        feature: 'rejectOtherPorts',
        name: 'ping to an active ClusterIP is refused',
        also: ['rejectPing'],
        to: ['ClusterIP, ping'],
        protocols: ['TCP'],
        due: all(refused),
      },
      {
        feature: 'dropUnallocated',
        name: 'an address of the ServiceCIDR that no Service has is dropped',
        to: ['unallocated ClusterIP'],
        due: all(dropped),
      },
      {
        feature: 'basics',
        name: 'other ports of external and load balancer addresses are left alone, and so is ping',
        to: ['ExternalIP, other port', 'LoadBalancer, other port', 'LoadBalancer, ping'],
        due: all(untouched),
      },
      {
        feature: 'nodePort',
        name: 'a NodePort is not served at an address that was not chosen for it',
        to: ['NodePort elsewhere'],
        due: all(untouched),
      },
      {
        feature: 'nodePort',
        name: 'a NodePort is never served at loopback',
        to: ['NodePort at loopback'],
        due: { node: untouched },
      },
    ],
  },
  {
    service: ({ loadBalancerIP }) => ({
      loadBalancer: [
        { ip: loadBalancerIP.IPv4, ipMode: 'Proxy' },
        { ip: loadBalancerIP.IPv6, ipMode: 'Proxy' },
      ],
    }),
    endpoints: at('pod0'),
    rows: [
      {
        feature: 'basics',
        name: 'a load balancer address of ipMode Proxy is left alone',
        to: ['LoadBalancer'],
        due: all(untouched),
      },
    ],
  },
  {
    service: ({ loadBalancerIP, externalIP }) => ({
      loadBalancer: [{ ip: sloppy(loadBalancerIP.IPv4) }],
      externalIPs: [sloppy(externalIP.IPv4)],
    }),
    endpoints: at('pod0'),
    rows: [
      {
        feature: 'basics',
        name: 'an address that is written with leading zeros is served as the one it means',
        to: ['ExternalIP', 'LoadBalancer'],
        families: ['IPv4'],
        due: { outside: masqueradedTo('pod0') },
      },
    ],
  },
  {
    service: () => ({
      externalIPs: [network.IPv4.node.remote, network.IPv6.node.remote],
    }),
    endpoints: at('pod0', 'remote0'),
    rows: [
      {
        feature: 'basics',
        name: "an external IP that is an address of the node's own is served like any other",
        to: ['ExternalIP of the node'],
        due: all(masqueradedTo('pod0', 'remote0')),
      },
    ],
  },
  {
    service: () => ({ labels: { 'service.kubernetes.io/service-proxy-name': 'somebody-else' } }),
    endpoints: at('pod0'),
    rows: [
      {
        feature: 'basics',
        name: 'a Service that another proxy serves is left alone',
        to: ['ExternalIP', 'LoadBalancer'],
        due: all(untouched),
      },
    ],
  },
  {
    service: ({ externalIP }) => ({
      createdAt: '2025-06-01T00:00:00Z',
      externalIPs: [contested.IPv4, contested.IPv6, externalIP.IPv4, externalIP.IPv6],
    }),
    endpoints: at('pod0'),
    rows: [
      {
        feature: 'basics',
        name: 'the older of two Services that claim one external IP and port has it',
        to: ['contested ExternalIP'],
        due: { outside: masqueradedTo('pod0'), pod: masqueradedTo('pod0') },
      },
    ],
  },
  {
    service: ({ externalIP }) => ({
      createdAt: '2025-07-01T00:00:00Z',
      externalIPs: [contested.IPv4, contested.IPv6, externalIP.IPv4, externalIP.IPv6],
    }),
    endpoints: at('pod1'),
    rows: [
      {
        feature: 'basics',
        name: 'the Service that lost a contested external IP keeps all its other destinations',
        to: ['ClusterIP', 'ExternalIP', 'NodePort'],
        due: { outside: masqueradedTo('pod1') },
      },
    ],
  },
  {
    service: ({ clusterIP }) => ({ clusterIPs: { IPv4: clusterIP.IPv4 } }),
    endpoints: at('pod0'),
    rows: [
      {
        feature: 'basics',
        name: 'a Service of one family is served in that family',
        to: ['ClusterIP', 'NodePort'],
        families: ['IPv4'],
        due: { outside: masqueradedTo('pod0') },
      },
      {
        feature: 'basics',
        name: 'a Service without a ClusterIP in a family does not exist there, nor do its external addresses',
        to: ['ExternalIP', 'LoadBalancer', 'NodePort'],
        families: ['IPv6'],
        due: { outside: untouched },
      },
    ],
  },
  {
    service: ({ nodePort }) => ({
      ports: [
        { name: 'tcp', protocol: 'TCP', port: 80, nodePort },
        { name: 'sctp', protocol: 'SCTP', port: 80, nodePort },
      ],
    }),
    endpoints: at('pod0', 'remote0'),
    rows: [
      {
        feature: 'basics',
        name: 'one port number is served per protocol: TCP beside SCTP is TCP alone',
        to: ['ClusterIP', 'NodePort'],
        protocols: ['TCP'],
        due: { outside: masqueradedTo('pod0', 'remote0') },
      },
      {
        feature: 'rejectOtherPorts',
        name: 'the port number of another protocol is an other port',
        to: ['ClusterIP'],
        protocols: ['UDP'],
        due: all(refused),
      },
    ],
  },
  {
    endpoints: at('pod0'),
    rows: [
      {
        feature: 'hairpin',
        name: 'the only endpoint reaches itself through every frontend of its Service, masqueraded',
        to: ['ClusterIP', 'ExternalIP', 'LoadBalancer', 'NodePort'],
        due: { endpoint: masqueradedTo('pod0') },
      },
    ],
  },
  {
    service: () => ({ externalTrafficPolicy: 'Local' }),
    endpoints: at('pod0'),
    rows: [
      {
        feature: 'hairpin',
        name: 'an endpoint reaches itself through an external address with externalTrafficPolicy Local',
        to: ['LoadBalancer', 'NodePort'],
        due: { endpoint: masqueradedTo('pod0') },
      },
    ],
  },
  {
    endpoints: at('pod0', 'pod1', 'remote0'),
    rows: [
      {
        feature: 'hairpin',
        name: 'an endpoint that reaches itself is masqueraded, and is not when it reaches another one',
        also: ['clientAddress'],
        to: ['ClusterIP'],
        due: { endpoint: answeredBy('pod0', 'pod1', 'remote0') },
      },
    ],
  },
  {
    endpoints: at(...Array.from({ length: 60 }, (_, index) => `remote${index}` as const)),
    rows: [
      {
        feature: 'basics',
        name: 'each of 60 endpoints is reached',
        to: ['ClusterIP'],
        due: {
          outside: masqueradedTo(...Array.from({ length: 60 }, (_, index) => `remote${index}` as const)),
        },
      },
    ],
  },
]

/** SEMANTICS 8, where the operator has chosen every address for NodePorts. */
export const everyNodePortAddressCases: readonly MatrixCase[] = [
  {
    endpoints: at('pod0', 'remote0'),
    rows: [
      {
        feature: 'nodePort',
        name: 'with every address chosen a NodePort is served at each of them',
        to: ['NodePort', 'NodePort elsewhere'],
        due: all(masqueradedTo('pod0', 'remote0')),
      },
      {
        feature: 'nodePort',
        name: 'with every address chosen a pod still reaches no NodePort at its own loopback',
        to: ['NodePort at loopback'],
        due: { pod: untouched },
      },
    ],
  },
]

/** `198.18.0.7` as `198.018.000.007`. */
function sloppy(address: string): string {
  return address
    .split('.')
    .map((part) => part.padStart(3, '0'))
    .join('.')
}
