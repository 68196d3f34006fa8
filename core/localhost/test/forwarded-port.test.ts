import test from 'ava'
import type { Address } from '../../network/address.ts'
import type { Endpoint, RouteKey, ServiceRoute, Verdict } from '../../table/service-route.ts'
import { forwardedPort, forwardingChange } from '../forwarded-port.ts'

const near: Endpoint = { address: '10.1.1.2' as Address, port: 8080, local: true }
const far: Endpoint = { address: '10.1.2.2' as Address, port: 8080, local: false }

const cluster: Verdict = { do: 'balance', over: 'cluster', masquerade: true }
const local: Verdict = { do: 'balance', over: 'local', masquerade: false }

function route(change: Partial<ServiceRoute> = {}, outside = cluster, port = 30_080): ServiceRoute {
  return {
    key: 'shop/web:http/TCP' as RouteKey,
    name: 'shop/web:http',
    protocol: 'TCP',
    family: 'IPv4',
    endpoints: { cluster: [near, far], local: [near] },
    frontends: [{ kind: 'NodePort', port, verdicts: { pod: cluster, node: cluster, outside } }],
    ...change,
  }
}

const endpoint = ({ address, port }: Endpoint) => ({ address, port })
const forwarded = {
  port: 30_080,
  route: 'shop/web:http/TCP',
  name: 'shop/web:http',
  endpoints: [near, far].map(endpoint),
}

const rows: readonly [string, ServiceRoute, object | undefined][] = [
  ['a NodePort of TCP goes to the endpoints that any node may use', route(), forwarded],
  [
    "with externalTrafficPolicy Local it goes to this node's",
    route({}, local),
    { ...forwarded, endpoints: [endpoint(near)] },
  ],
  ['with Local and no endpoint here nobody listens', route({}, { do: 'drop' }), undefined],
  ['without any endpoint nobody listens', route({}, { do: 'reject' }), undefined],
  ['UDP is not forwarded', route({ protocol: 'UDP' }), undefined],
  ['a Service without a NodePort is not forwarded', route({ frontends: [] }), undefined],
  ['session affinity comes along', route({ affinitySeconds: 60 }), { ...forwarded, affinitySeconds: 60 }],
]
for (const [claim, from, expected] of rows)
  test(claim, (t) => t.deepEqual(forwardedPort(from) as object | undefined, expected))

const { key } = route()
const changes: readonly [string, Parameters<typeof forwardingChange>[0], object | undefined][] = [
  ['a route that comes sets its port', [{ key, after: route() }], { removed: [], set: [forwarded] }],
  [
    'a route that goes removes it',
    [{ key, before: route() }],
    { removed: [{ port: 30_080, route: key }], set: [] },
  ],
  [
    'a NodePort that changes leaves the old one',
    [{ key, before: route(), after: route({}, cluster, 30_081) }],
    { removed: [{ port: 30_080, route: key }], set: [{ ...forwarded, port: 30_081 }] },
  ],
  [
    'the last endpoint removes it',
    [{ key, before: route(), after: route({}, { do: 'reject' }) }],
    { removed: [{ port: 30_080, route: key }], set: [] },
  ],
  [
    'routes without NodePorts are none of its business',
    [{ key, after: route({ frontends: [] }) }],
    undefined,
  ],
]
for (const [claim, routes, expected] of changes)
  test(claim, (t) => t.deepEqual(forwardingChange(routes) as object | undefined, expected))
