import test from 'ava'
import type { SliceEndpoint } from '../../../cluster/records.ts'
import { type EndpointSelection, selectEndpoints } from '../endpoint-selection.ts'
import { exampleEndpoint } from './example-records.ts'

const node = { nodeName: 'here', zone: 'zone-a' }

const ready = (last: number, overrides: Partial<SliceEndpoint> = {}) =>
  exampleEndpoint(`10.0.0.${last}`, overrides)
const unready = (last: number, overrides: Partial<SliceEndpoint> = {}) =>
  ready(last, { ready: false, serving: false, ...overrides })
const terminating = (last: number, overrides: Partial<SliceEndpoint> = {}) =>
  ready(last, { ready: false, serving: true, terminating: true, ...overrides })
const here = { nodeName: 'here' }
const zone = (...zoneHints: string[]) => ({ zoneHints })
const hinted = (...nodeHints: string[]) => ({ nodeHints })

interface Row {
  readonly claim: string
  readonly node?: { readonly nodeName: string; readonly zone: string }
  readonly endpoints: readonly SliceEndpoint[]
  /** Last octets. */
  readonly cluster: readonly number[]
  readonly local?: readonly number[]
  readonly topology?: EndpointSelection['topology']
}

const rows: readonly Row[] = [
  { claim: 'no endpoint gives no endpoint', endpoints: [], cluster: [] },
  {
    claim: 'ready endpoints of all nodes are used',
    endpoints: [ready(1), ready(2, here)],
    cluster: [1, 2],
    local: [2],
  },
  { claim: 'an unready endpoint is not used', endpoints: [ready(1), unready(2)], cluster: [1] },
  {
    claim: 'a single endpoint that is not ready, serving or terminating gives nothing',
    endpoints: [unready(1, here)],
    cluster: [],
  },
  {
    claim: 'an endpoint that serves but is not ready and not terminating gives nothing',
    endpoints: [unready(1, { ...here, serving: true })],
    cluster: [],
  },
  {
    claim: 'zone hints keep to the zone',
    endpoints: [ready(1, zone('zone-a')), ready(2, zone('zone-b'))],
    cluster: [1],
    topology: 'zone',
  },
  {
    claim: 'several hints of one endpoint all count',
    endpoints: [ready(1, zone('zone-b', 'zone-a')), ready(2, zone('zone-b'))],
    cluster: [1],
    topology: 'zone',
  },
  {
    claim: 'zone hints mean nothing to a node without a zone',
    node: { nodeName: 'here', zone: '' },
    endpoints: [ready(1, zone('zone-a')), ready(2, zone('zone-b'))],
    cluster: [1, 2],
  },
  {
    claim: 'a zone that no endpoint is hinted for gets all endpoints',
    endpoints: [ready(1, zone('zone-b')), ready(2, zone('zone-c'))],
    cluster: [1, 2],
  },
  {
    claim: 'one ready endpoint without a hint switches hints off',
    endpoints: [ready(1, zone('zone-a')), ready(2, zone('zone-b')), ready(3)],
    cluster: [1, 2, 3],
  },
  {
    claim: 'an unready endpoint without a hint does not switch hints off',
    endpoints: [ready(1, zone('zone-a')), ready(2, zone('zone-b')), unready(3)],
    cluster: [1],
    topology: 'zone',
  },
  {
    claim: 'a hint on an endpoint that is not ready does not count',
    endpoints: [unready(1, zone('zone-a')), ready(2, zone('zone-b'))],
    cluster: [2],
  },
  {
    claim: 'hints do not narrow the local set',
    endpoints: [ready(1, { ...here, ...zone('zone-b') }), ready(2, zone('zone-a'))],
    cluster: [2],
    local: [1],
    topology: 'zone',
  },
  {
    claim: 'node hints keep to the node',
    endpoints: [ready(1, hinted('here')), ready(2, hinted('other'))],
    cluster: [1],
    topology: 'node',
  },
  {
    claim: 'node hints go before zone hints',
    endpoints: [
      ready(1, { ...hinted('here'), ...zone('zone-b') }),
      ready(2, { ...hinted('other'), ...zone('zone-a') }),
    ],
    cluster: [1],
    topology: 'node',
  },
  {
    claim: 'node hints on some endpoints only fall back to zone hints',
    endpoints: [ready(1, { ...hinted('here'), ...zone('zone-b') }), ready(2, zone('zone-a'))],
    cluster: [2],
    topology: 'zone',
  },
  {
    claim: 'node hints for other nodes only fall back to zone hints',
    endpoints: [
      ready(1, { ...hinted('x'), ...zone('zone-a') }),
      ready(2, { ...hinted('y'), ...zone('zone-b') }),
    ],
    cluster: [1],
    topology: 'zone',
  },
  {
    claim: 'node hints for other nodes only, without zone hints, leave all',
    endpoints: [ready(1, hinted('x')), ready(2, hinted('y'))],
    cluster: [1, 2],
  },
  {
    claim: 'a node without a name ignores node hints and has nothing local',
    node: { nodeName: '', zone: '' },
    endpoints: [ready(1, { nodeName: '', nodeHints: [''] })],
    cluster: [1],
  },
  {
    claim: 'an endpoint without a node is never local',
    endpoints: [ready(1, { nodeName: '' })],
    cluster: [1],
    local: [],
  },
  {
    claim: 'without a ready endpoint, those that serve while terminating are used',
    endpoints: [terminating(1), terminating(2, here), unready(3)],
    cluster: [1, 2],
    local: [2],
  },
  {
    claim: 'hints do not narrow terminating endpoints',
    endpoints: [terminating(1, zone('zone-a')), terminating(2, zone('zone-b'))],
    cluster: [1, 2],
  },
  {
    claim: 'one ready endpoint anywhere keeps terminating ones out of the cluster set',
    endpoints: [ready(1), terminating(2)],
    cluster: [1],
  },
  {
    claim: 'the local set falls back though the cluster set does not',
    endpoints: [ready(1), terminating(2, here)],
    cluster: [1],
    local: [2],
  },
  {
    claim: 'a ready local endpoint keeps terminating local ones out',
    endpoints: [ready(1, here), terminating(2, here)],
    cluster: [1],
    local: [1],
  },
  {
    claim: 'remote terminating endpoints are no local ones',
    endpoints: [terminating(1), terminating(2)],
    cluster: [1, 2],
    local: [],
  },
  {
    claim: 'terminating without serving gives nothing',
    endpoints: [terminating(1, { serving: false, ...here })],
    cluster: [],
    local: [],
  },
  {
    claim: 'a ready endpoint counts as ready also while terminating (publishNotReadyAddresses)',
    endpoints: [ready(1, { terminating: true }), ready(2)],
    cluster: [1, 2],
  },
]

for (const row of rows) {
  test(row.claim, (t) => {
    const merged = row.endpoints.map((endpoint) => ({ endpoint, port: 8080 }))
    const selection = selectEndpoints(merged, row.node ?? node)
    const octets = (list: EndpointSelection['cluster']) =>
      list.map(({ endpoint }) => Number(endpoint.address.split('.')[3]))
    t.deepEqual(octets(selection.cluster), row.cluster)
    if (row.local !== undefined) t.deepEqual(octets(selection.local), row.local)
    t.is(selection.topology, row.topology ?? 'none')
  })
}
