import { network } from '@portolan/lab'
import {
  answeredBy,
  at,
  dropped,
  everyFrontend,
  externalFrontends,
  type MatrixCase,
  type MatrixRow,
  masqueradedTo,
  refused,
} from '../matrix-case.ts'
import { sctpPorts } from '../objects.ts'

const row = (one: Omit<MatrixRow, 'protocols'>): MatrixRow => ({ ...one, protocols: ['SCTP'] })

/** SCTP through each thing that a dataplane does; how the rules combine is the same for every protocol. */
export const sctpCases: readonly MatrixCase[] = [
  {
    service: (place) => ({ ports: sctpPorts(place.nodePort) }),
    endpoints: at('pod0', 'pod1', 'remote0'),
    rows: [
      row({
        feature: 'basics',
        name: 'an SCTP association to a ClusterIP reaches every endpoint of the Service',
        to: ['ClusterIP'],
        due: { pod: answeredBy('pod0', 'pod1', 'remote0') },
      }),
      row({
        feature: 'sourceClasses',
        name: 'an SCTP association to a ClusterIP is masqueraded if it comes from the node or from outside',
        to: ['ClusterIP'],
        due: {
          node: masqueradedTo('pod0', 'pod1', 'remote0'),
          outside: masqueradedTo('pod0', 'pod1', 'remote0'),
        },
      }),
      row({
        feature: 'basics',
        name: 'an SCTP association to an external address reaches every endpoint, masqueraded for all',
        to: ['ExternalIP', 'LoadBalancer'],
        due: {
          pod: masqueradedTo('pod0', 'pod1', 'remote0'),
          outside: masqueradedTo('pod0', 'pod1', 'remote0'),
        },
      }),
      row({
        feature: 'nodePort',
        name: 'an SCTP association to a NodePort reaches every endpoint, masqueraded for all',
        to: ['NodePort'],
        due: {
          pod: masqueradedTo('pod0', 'pod1', 'remote0'),
          outside: masqueradedTo('pod0', 'pod1', 'remote0'),
        },
      }),
    ],
  },
  {
    service: (place) => ({ ports: sctpPorts(place.nodePort), externalTrafficPolicy: 'Local' }),
    endpoints: at('pod0', 'remote0'),
    rows: [
      row({
        feature: 'sourceClasses',
        name: 'with externalTrafficPolicy Local an SCTP client from outside reaches local endpoints only, with its own address',
        also: ['clientAddress'],
        to: externalFrontends,
        due: { outside: answeredBy('pod0') },
      }),
    ],
  },
  {
    service: (place) => ({ ports: sctpPorts(place.nodePort), externalTrafficPolicy: 'Local' }),
    endpoints: at('remote0'),
    rows: [
      row({
        feature: 'dropWithoutUsableEndpoint',
        name: 'with externalTrafficPolicy Local and no local endpoint an SCTP client from outside is dropped, not refused',
        to: externalFrontends,
        due: { outside: dropped },
      }),
    ],
  },
  {
    service: (place) => ({ ports: sctpPorts(place.nodePort) }),
    endpoints: [],
    rows: [
      row({
        feature: 'rejectWithoutEndpoint',
        name: 'a Service without endpoints refuses SCTP associations',
        to: everyFrontend,
        due: { pod: refused, outside: refused },
      }),
    ],
  },
  {
    service: (place) => ({ ports: sctpPorts(place.nodePort) }),
    endpoints: at('pod0'),
    rows: [
      row({
        feature: 'hairpin',
        name: 'the only endpoint of an SCTP Service reaches itself through its ClusterIP, masqueraded',
        to: ['ClusterIP'],
        due: { endpoint: masqueradedTo('pod0') },
      }),
    ],
  },
  {
    service: (place) => ({
      ports: sctpPorts(place.nodePort),
      sourceRanges: [network.IPv4.clusterCidr, network.IPv6.clusterCidr],
    }),
    endpoints: at('pod0'),
    rows: [
      row({
        feature: 'sourceRanges',
        name: 'an SCTP client beyond loadBalancerSourceRanges is dropped',
        to: ['LoadBalancer'],
        due: { outside: dropped },
      }),
    ],
  },
]
