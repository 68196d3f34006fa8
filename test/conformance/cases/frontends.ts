import {
  answeredBy,
  at,
  dropped,
  everyFrontend,
  externalFrontends,
  type MatrixCase,
  masqueradedTo,
  refused,
} from '../matrix-case.ts'

/** SEMANTICS 5 and 6: what each kind of frontend does for each client, by traffic policy and by what endpoints exist. */
export const frontendCases: readonly MatrixCase[] = [
  {
    endpoints: at('pod0', 'pod1', 'remote0', 'remote1'),
    rows: [
      {
        feature: 'basics',
        name: 'a ClusterIP reaches every endpoint of the Service, and nothing else',
        to: ['ClusterIP'],
        due: { pod: answeredBy('pod0', 'pod1', 'remote0', 'remote1') },
      },
      {
        feature: 'sourceClasses',
        name: 'a ClusterIP masquerades what comes from the node or from outside',
        to: ['ClusterIP'],
        due: {
          node: masqueradedTo('pod0', 'pod1', 'remote0', 'remote1'),
          outside: masqueradedTo('pod0', 'pod1', 'remote0', 'remote1'),
        },
      },
      {
        feature: 'basics',
        name: 'with externalTrafficPolicy Cluster an external address reaches every endpoint, masqueraded for all',
        to: ['ExternalIP', 'LoadBalancer'],
        due: {
          pod: masqueradedTo('pod0', 'pod1', 'remote0', 'remote1'),
          node: masqueradedTo('pod0', 'pod1', 'remote0', 'remote1'),
          outside: masqueradedTo('pod0', 'pod1', 'remote0', 'remote1'),
        },
      },
      {
        feature: 'nodePort',
        name: 'with externalTrafficPolicy Cluster a NodePort reaches every endpoint, masqueraded for all',
        to: ['NodePort'],
        due: {
          pod: masqueradedTo('pod0', 'pod1', 'remote0', 'remote1'),
          node: masqueradedTo('pod0', 'pod1', 'remote0', 'remote1'),
          outside: masqueradedTo('pod0', 'pod1', 'remote0', 'remote1'),
        },
      },
    ],
  },
  {
    endpoints: at('pod0', 'pod1'),
    rows: [
      {
        feature: 'sourceClasses',
        name: "a pod of another node counts as a pod where the cluster's CIDR tells pods from others",
        to: ['ClusterIP'],
        due: { remotePod: answeredBy('pod0', 'pod1') },
      },
    ],
  },
  {
    service: () => ({ externalTrafficPolicy: 'Local' }),
    endpoints: at('pod0', 'pod1', 'remote0'),
    rows: [
      {
        feature: 'sourceClasses',
        name: 'with externalTrafficPolicy Local an outside client reaches local endpoints only, with its own address',
        also: ['clientAddress'],
        to: externalFrontends,
        due: { outside: answeredBy('pod0', 'pod1') },
      },
      {
        feature: 'sourceClasses',
        name: 'with externalTrafficPolicy Local a local pod takes the short circuit to every endpoint, unmasqueraded',
        also: ['clientAddress'],
        to: externalFrontends,
        due: { pod: answeredBy('pod0', 'pod1', 'remote0') },
      },
      {
        feature: 'sourceClasses',
        name: 'with externalTrafficPolicy Local the node reaches every endpoint, masqueraded',
        to: externalFrontends,
        due: { node: masqueradedTo('pod0', 'pod1', 'remote0') },
      },
      {
        feature: 'basics',
        name: 'externalTrafficPolicy Local has no effect on the ClusterIP',
        to: ['ClusterIP'],
        due: {
          pod: answeredBy('pod0', 'pod1', 'remote0'),
          outside: masqueradedTo('pod0', 'pod1', 'remote0'),
        },
      },
    ],
  },
  {
    service: () => ({ externalTrafficPolicy: 'Local' }),
    endpoints: at('remote0', 'remote1'),
    rows: [
      {
        feature: 'dropWithoutUsableEndpoint',
        name: 'with externalTrafficPolicy Local and no local endpoint an outside client is dropped, not refused',
        to: externalFrontends,
        due: { outside: dropped },
      },
      {
        feature: 'sourceClasses',
        name: 'with externalTrafficPolicy Local and no local endpoint a pod and the node are served by those elsewhere',
        to: externalFrontends,
        due: { pod: answeredBy('remote0', 'remote1'), node: masqueradedTo('remote0', 'remote1') },
      },
    ],
  },
  {
    service: () => ({ internalTrafficPolicy: 'Local' }),
    endpoints: at('pod0', 'pod1', 'remote0'),
    rows: [
      {
        feature: 'basics',
        name: 'with internalTrafficPolicy Local a ClusterIP reaches local endpoints only',
        to: ['ClusterIP'],
        due: {
          pod: answeredBy('pod0', 'pod1'),
          node: masqueradedTo('pod0', 'pod1'),
          outside: masqueradedTo('pod0', 'pod1'),
        },
      },
      {
        feature: 'basics',
        name: 'internalTrafficPolicy Local has no effect on external destinations',
        to: externalFrontends,
        due: {
          pod: masqueradedTo('pod0', 'pod1', 'remote0'),
          node: masqueradedTo('pod0', 'pod1', 'remote0'),
          outside: masqueradedTo('pod0', 'pod1', 'remote0'),
        },
      },
    ],
  },
  {
    service: () => ({ internalTrafficPolicy: 'Local' }),
    endpoints: at('remote0', 'remote1'),
    rows: [
      {
        feature: 'dropWithoutUsableEndpoint',
        name: 'with internalTrafficPolicy Local and no local endpoint a ClusterIP drops, for every client',
        to: ['ClusterIP'],
        due: { pod: dropped, node: dropped, outside: dropped },
      },
      {
        feature: 'basics',
        name: 'internalTrafficPolicy Local without a local endpoint leaves external destinations served',
        to: externalFrontends,
        due: { pod: masqueradedTo('remote0', 'remote1'), outside: masqueradedTo('remote0', 'remote1') },
      },
    ],
  },
  {
    service: () => ({ internalTrafficPolicy: 'Local', externalTrafficPolicy: 'Local' }),
    endpoints: at('pod1', 'remote0'),
    rows: [
      {
        feature: 'sourceClasses',
        name: 'with both policies Local each destination follows its own: pods get local at the ClusterIP, all outside',
        to: ['ClusterIP'],
        due: { pod: answeredBy('pod1'), outside: masqueradedTo('pod1') },
      },
      {
        feature: 'sourceClasses',
        name: 'with both policies Local the short circuit still leads pods to every endpoint at external destinations',
        to: externalFrontends,
        due: { pod: answeredBy('pod1', 'remote0'), outside: answeredBy('pod1') },
      },
    ],
  },
  {
    endpoints: [],
    rows: [
      {
        feature: 'rejectWithoutEndpoint',
        name: 'a Service without endpoints refuses at each of its destinations',
        to: everyFrontend,
        due: { pod: refused, node: refused, outside: refused },
      },
    ],
  },
  {
    service: () => ({ internalTrafficPolicy: 'Local', externalTrafficPolicy: 'Local' }),
    endpoints: [],
    rows: [
      {
        feature: 'rejectWithoutEndpoint',
        name: 'a Service with policies Local and no endpoint anywhere refuses rather than drops',
        to: everyFrontend,
        due: { pod: refused, node: refused, outside: refused },
      },
    ],
  },
]
