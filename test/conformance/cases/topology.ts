import { answeredBy, type MatrixCase, masqueradedTo } from '../matrix-case.ts'
import { otherNode, otherZone, thisNode, thisZone } from '../objects.ts'

/** SEMANTICS 4: hints by zone and by node, all or nothing. */
export const topologyCases: readonly MatrixCase[] = [
  {
    endpoints: [
      { host: 'pod0', zoneHints: [thisZone] },
      { host: 'remote0', zoneHints: [thisZone, otherZone] },
      { host: 'remote1', zoneHints: [otherZone] },
    ],
    rows: [
      {
        feature: 'basics',
        name: "where every endpoint has zone hints, only those for the node's zone are used",
        to: ['ClusterIP', 'LoadBalancer'],
        due: { node: masqueradedTo('pod0', 'remote0') },
      },
    ],
  },
  {
    endpoints: [
      { host: 'pod0', zoneHints: [thisZone] },
      { host: 'remote0', zoneHints: [otherZone] },
      { host: 'remote1' },
    ],
    rows: [
      {
        feature: 'basics',
        name: 'one endpoint without a hint turns topology off for the Service',
        to: ['ClusterIP'],
        due: { pod: answeredBy('pod0', 'remote0', 'remote1') },
      },
    ],
  },
  {
    endpoints: [
      { host: 'pod0', zoneHints: [otherZone] },
      { host: 'remote0', zoneHints: [otherZone] },
    ],
    rows: [
      {
        feature: 'basics',
        name: "with no endpoint hinted for the node's zone all are used",
        to: ['ClusterIP'],
        due: { pod: answeredBy('pod0', 'remote0') },
      },
    ],
  },
  {
    endpoints: [
      { host: 'pod0', zoneHints: [otherZone] },
      { host: 'pod1', zoneHints: [thisZone], ready: false, serving: false },
      { host: 'remote0', zoneHints: [otherZone] },
    ],
    rows: [
      {
        feature: 'basics',
        name: 'the hint of an unready endpoint counts for nothing',
        to: ['ClusterIP'],
        due: { pod: answeredBy('pod0', 'remote0') },
      },
    ],
  },
  {
    endpoints: [
      { host: 'pod0', zoneHints: [thisZone], nodeHints: [otherNode] },
      { host: 'remote0', zoneHints: [otherZone], nodeHints: [thisNode] },
      { host: 'remote1', zoneHints: [thisZone], nodeHints: [thisNode, otherNode] },
    ],
    rows: [
      {
        feature: 'basics',
        name: 'hints for nodes go before hints for zones',
        to: ['ClusterIP'],
        due: { pod: answeredBy('remote0', 'remote1') },
      },
    ],
  },
  {
    endpoints: [
      { host: 'pod0', zoneHints: [thisZone], nodeHints: [otherNode] },
      { host: 'remote0', zoneHints: [otherZone], nodeHints: [otherNode] },
    ],
    rows: [
      {
        feature: 'basics',
        name: 'with no endpoint hinted for the node its zone decides',
        to: ['ClusterIP'],
        due: { pod: answeredBy('pod0') },
      },
    ],
  },
  {
    service: () => ({ externalTrafficPolicy: 'Local' }),
    endpoints: [
      { host: 'pod0', zoneHints: [otherZone] },
      { host: 'remote0', zoneHints: [thisZone] },
    ],
    rows: [
      {
        feature: 'sourceClasses',
        name: 'topology has no say over the local endpoints that externalTrafficPolicy Local uses',
        to: ['LoadBalancer', 'NodePort'],
        due: { outside: answeredBy('pod0'), pod: answeredBy('remote0') },
      },
    ],
  },
]
