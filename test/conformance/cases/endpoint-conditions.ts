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
import type { EndpointHost } from '../place.ts'

const terminating = (host: EndpointHost) => ({ host, ready: false, serving: true, terminating: true })
const goneNext = (host: EndpointHost) => ({ host, ready: false, serving: false, terminating: true })
const unready = (host: EndpointHost) => ({ host, ready: false, serving: false, terminating: false })

/** SEMANTICS 3 and 4: readiness, termination, and how slices come together. */
export const endpointConditionCases: readonly MatrixCase[] = [
  {
    endpoints: [...at('pod0', 'remote0'), unready('pod1'), unready('remote1')],
    rows: [
      {
        feature: 'basics',
        name: 'an endpoint that is not ready gets nothing while another is',
        to: everyFrontend,
        due: { outside: masqueradedTo('pod0', 'remote0') },
      },
    ],
  },
  {
    endpoints: [unready('pod0'), unready('remote0')],
    rows: [
      {
        feature: 'rejectWithoutEndpoint',
        name: 'a Service with only unready endpoints refuses',
        to: everyFrontend,
        due: { pod: refused, outside: refused },
      },
    ],
  },
  {
    endpoints: [
      { host: 'pod0', serving: true },
      { host: 'remote0', terminating: false },
    ],
    rows: [
      {
        feature: 'basics',
        name: 'a condition that is not told counts as ready, serving and not terminating',
        to: ['ClusterIP'],
        due: { pod: answeredBy('pod0', 'remote0') },
      },
    ],
  },
  {
    endpoints: [terminating('pod0'), terminating('remote0'), goneNext('remote1')],
    rows: [
      {
        feature: 'basics',
        name: 'with no ready endpoint those that serve while they terminate are used',
        to: everyFrontend,
        due: { outside: masqueradedTo('pod0', 'remote0') },
      },
    ],
  },
  {
    endpoints: [...at('remote0'), terminating('pod0')],
    rows: [
      {
        feature: 'basics',
        name: 'a terminating endpoint gets nothing at a ClusterIP while another is ready',
        to: ['ClusterIP'],
        due: { pod: answeredBy('remote0') },
      },
    ],
  },
  {
    service: () => ({ internalTrafficPolicy: 'Local', externalTrafficPolicy: 'Local' }),
    endpoints: [...at('remote0'), terminating('pod0'), unready('pod1')],
    rows: [
      {
        feature: 'basics',
        name: 'with internalTrafficPolicy Local a local terminating endpoint serves though a remote one is ready',
        to: ['ClusterIP'],
        due: { pod: answeredBy('pod0') },
      },
      {
        feature: 'sourceClasses',
        name: 'with externalTrafficPolicy Local outside clients get the local terminating endpoint, pods the ready one',
        to: externalFrontends,
        due: { outside: answeredBy('pod0'), pod: answeredBy('remote0') },
      },
    ],
  },
  {
    service: () => ({ externalTrafficPolicy: 'Local', internalTrafficPolicy: 'Local' }),
    endpoints: [terminating('remote0')],
    rows: [
      {
        feature: 'dropWithoutUsableEndpoint',
        name: 'a terminating endpoint elsewhere is enough to drop rather than refuse',
        to: everyFrontend,
        due: { outside: dropped },
      },
    ],
  },
  {
    endpoints: [goneNext('pod0'), goneNext('remote0')],
    rows: [
      {
        feature: 'rejectWithoutEndpoint',
        name: 'endpoints that terminate and no longer serve count for nothing',
        to: everyFrontend,
        due: { outside: refused },
      },
    ],
  },
  {
    endpoints: [
      { host: 'pod0', slice: 0 },
      { host: 'remote0', slice: 1 },
      { host: 'pod0', slice: 2 },
      { host: 'remote1', slice: 2 },
    ],
    rows: [
      {
        feature: 'basics',
        name: 'the endpoints of several slices are merged, and one that is in two of them counts once',
        to: ['ClusterIP', 'LoadBalancer'],
        due: { node: masqueradedTo('pod0', 'remote0', 'remote1') },
      },
    ],
  },
  {
    endpoints: [
      { host: 'pod0', slice: 0, ...{ ready: false, serving: true, terminating: true } },
      { host: 'pod0', slice: 1 },
    ],
    rows: [
      {
        feature: 'basics',
        name: 'an address that is terminating in one slice and ready in another is ready',
        to: ['ClusterIP'],
        due: { pod: answeredBy('pod0') },
      },
    ],
  },
  {
    endpoints: [
      { host: 'pod0', slice: 0, portOffset: 0 },
      { host: 'pod1', slice: 1, portOffset: 1 },
      { host: 'remote0', slice: 2, portOffset: 2 },
    ],
    rows: [
      {
        feature: 'basics',
        name: 'each endpoint is reached at the port that its own slice tells',
        to: everyFrontend,
        due: { node: masqueradedTo('pod0', 'pod1', 'remote0') },
      },
    ],
  },
]
