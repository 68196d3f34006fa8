import { network } from '@portolan/lab'
import { answeredBy, at, dropped, type MatrixCase, masqueradedTo, refused } from '../matrix-case.ts'

const outside = [
  `${network.IPv4.outside}/${network.IPv4.hostPrefix}`,
  `${network.IPv6.outside}/${network.IPv6.hostPrefix}`,
]
const pods = [network.IPv4.clusterCidr, network.IPv6.clusterCidr]
const node = [
  `${network.IPv4.node.uplink}/${network.IPv4.hostPrefix}`,
  `${network.IPv6.node.uplink}/${network.IPv6.hostPrefix}`,
]
const elsewhere = ['192.0.2.0/24', '2001:db8::/32']

/** SEMANTICS 7. */
export const sourceRangeCases: readonly MatrixCase[] = [
  {
    service: () => ({ sourceRanges: [...outside, ...elsewhere] }),
    endpoints: at('pod0', 'remote0'),
    rows: [
      {
        feature: 'sourceRanges',
        name: 'a client within loadBalancerSourceRanges is served, every other one dropped, pods and the node included',
        to: ['LoadBalancer'],
        due: { outside: masqueradedTo('pod0', 'remote0'), pod: dropped, endpoint: dropped, node: dropped },
      },
      {
        feature: 'basics',
        name: 'loadBalancerSourceRanges guard the load balancer address alone: all other frontends stay open',
        to: ['ClusterIP', 'ExternalIP', 'NodePort'],
        due: { outside: masqueradedTo('pod0', 'remote0') },
      },
    ],
  },
  {
    service: () => ({ sourceRanges: pods, externalTrafficPolicy: 'Local' }),
    endpoints: at('pod0', 'remote0'),
    rows: [
      {
        feature: 'sourceRanges',
        name: 'loadBalancerSourceRanges come before the short circuit: pods within are served, outside is dropped',
        to: ['LoadBalancer'],
        due: { pod: answeredBy('pod0', 'remote0'), outside: dropped, node: dropped },
      },
    ],
  },
  {
    service: () => ({ sourceRanges: node }),
    endpoints: at('pod0'),
    rows: [
      {
        feature: 'sourceRanges',
        name: 'loadBalancerSourceRanges with the address of the node alone drop pods and clients outside',
        to: ['LoadBalancer'],
        due: { pod: dropped, outside: dropped },
      },
    ],
  },
  {
    service: () => ({ sourceRanges: ['192.0.2.0/24'] }),
    endpoints: at('pod0', 'remote0'),
    rows: [
      {
        feature: 'sourceRanges',
        name: 'a family without any range of its own is open',
        to: ['LoadBalancer'],
        families: ['IPv6'],
        due: { outside: masqueradedTo('pod0', 'remote0'), pod: masqueradedTo('pod0', 'remote0') },
      },
      {
        feature: 'sourceRanges',
        name: 'a family with a range is closed for those outside of it',
        to: ['LoadBalancer'],
        families: ['IPv4'],
        due: { outside: dropped, pod: dropped },
      },
    ],
  },
  {
    service: () => ({ sourceRanges: [...elsewhere, ' 0.0.0.0/0', '::/0'] }),
    endpoints: at('pod0'),
    rows: [
      {
        feature: 'sourceRanges',
        name: 'a range of everything opens the load balancer address to every client',
        to: ['LoadBalancer'],
        due: { outside: masqueradedTo('pod0'), pod: masqueradedTo('pod0') },
      },
    ],
  },
  {
    service: () => ({ sourceRanges: outside }),
    endpoints: [],
    rows: [
      {
        feature: 'sourceRanges',
        name: 'without endpoints a client outside of the ranges is dropped, one within refused',
        to: ['LoadBalancer'],
        due: { outside: refused, pod: dropped },
      },
    ],
  },
]
