import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { stringify } from 'yaml'
import { explainConnection } from '../explain.ts'

/** Clusters in which something is amiss, as people build them; and what `explain` says of each. */

interface ServiceShape {
  readonly metadata?: object
  readonly spec?: object
  readonly status?: object
}

const service = ({ metadata = {}, spec = {}, ...rest }: ServiceShape = {}) => ({
  kind: 'Service',
  metadata: { name: 'web', namespace: 'shop', ...metadata },
  spec: { clusterIP: '10.96.0.1', ports: [{ name: 'http', port: 80 }], ...spec },
  ...rest,
})

const slice = (fields: object = {}, metadata: { readonly labels?: object } & object = {}) => ({
  kind: 'EndpointSlice',
  addressType: 'IPv4',
  ports: [{ name: 'http', port: 8080 }],
  endpoints: [{ addresses: ['10.244.0.1'], nodeName: 'elsewhere' }],
  ...fields,
  metadata: {
    name: 'web-1',
    namespace: 'shop',
    ...metadata,
    labels: { 'kubernetes.io/service-name': 'web', ...metadata.labels },
  },
})

const unlabelled = { 'kubernetes.io/service-name': undefined }
const node = {
  kind: 'Node',
  metadata: { name: 'here' },
  status: { addresses: [{ type: 'InternalIP', address: '192.0.2.1' }] },
}

interface Row {
  readonly situation: string
  readonly objects: readonly object[]
  /** Default: the ClusterIP at port 80. */
  readonly to?: string
  readonly from?: string
  readonly flags?: { readonly clusterCidr?: string }
  readonly verdict?: string
  readonly reason: RegExp
  readonly fix?: RegExp
}

const rows: readonly Row[] = [
  {
    situation: 'the names of the ports differ',
    objects: [
      service(),
      slice({
        ports: [
          { name: 'a', port: 8080 },
          { name: 'b', port: 8081 },
        ],
      }),
    ],
    reason:
      /there is 1 endpoint, but none has this port: the Service's is "http" \(TCP\), the EndpointSlices have "a" \(TCP\), "b" \(TCP\)/,
    fix: /same name/,
  },
  {
    situation: 'the port of the slice has a name and that of the Service has none',
    objects: [service({ spec: { ports: [{ port: 80 }] } }), slice()],
    reason: /the Service's is unnamed \(TCP\), the EndpointSlices have "http" \(TCP\)/,
    fix: /same name/,
  },
  {
    situation: 'the protocols differ',
    objects: [service(), slice({ ports: [{ name: 'http', port: 8080, protocol: 'UDP' }] })],
    reason: /there is 1 endpoint, but their port "http" is UDP in the EndpointSlices and TCP in the Service/,
    fix: /same protocol/,
  },
  {
    situation: 'a port of the slice has no number',
    objects: [service(), slice({ ports: [{ name: 'http' }] })],
    reason: /the ports of EndpointSlice shop\/web-1 have no number/,
    fix: /name and number/,
  },
  {
    situation: 'a port of the slice is 0',
    objects: [service(), slice({ ports: [{ name: 'http', port: 0 }] })],
    reason: /have no number/,
    fix: /name and number/,
  },
  {
    situation: 'the slice has no ports',
    objects: [service(), slice({ ports: [] })],
    reason: /there is 1 endpoint, but their EndpointSlices have no port/,
    fix: /ports with name and number/,
  },
  {
    situation: 'no endpoint is ready',
    objects: [
      service(),
      slice({
        endpoints: ['10.244.0.1', '10.244.0.2'].map((address) => ({
          addresses: [address],
          conditions: { ready: false, serving: false },
        })),
      }),
    ],
    reason: /2 endpoints, none ready/,
    fix: /readiness/,
  },
  {
    situation: 'all endpoints are terminating and none serves',
    objects: [
      service(),
      slice({
        endpoints: [
          { addresses: ['10.244.0.1'], conditions: { ready: false, serving: false, terminating: true } },
        ],
      }),
    ],
    reason: /1 endpoint, all terminating/,
    fix: /scaled down/,
  },
  {
    situation: 'the slices are empty',
    objects: [service(), slice({ endpoints: [] }), slice({ endpoints: [] }, { name: 'web-2' } as object)],
    reason: /its 2 EndpointSlices have no endpoint/,
    fix: /selector of Service shop\/web/,
  },
  {
    situation: 'the slices are of the other family',
    objects: [service(), slice({ addressType: 'IPv6', endpoints: [{ addresses: ['fd00::1'] }] })],
    reason: /its EndpointSlices are of IPv6 alone, and this address is of IPv4/,
    fix: /spec\.ipFamilies/,
  },
  {
    situation: 'the slice is of host names',
    objects: [service(), slice({ addressType: 'FQDN', endpoints: [{ addresses: ['web.example'] }] })],
    reason: /EndpointSlice shop\/web-1 is of addressType FQDN/,
    fix: /addressType IPv4/,
  },
  {
    situation: 'the slice has the label of a headless Service',
    objects: [service(), slice({}, { labels: { 'service.kubernetes.io/headless': '' } })],
    reason: /EndpointSlice shop\/web-1 has the label service\.kubernetes\.io\/headless/,
    fix: /remove that label/,
  },
  {
    situation: 'the slice lacks the label that names its Service',
    objects: [service(), slice({}, { labels: unlabelled })],
    reason: /shop\/web-1 names no Service at all/,
    fix: /the label kubernetes\.io\/service-name: web/,
  },
  {
    situation: 'the slice is in another namespace',
    objects: [service(), slice({}, { namespace: 'attic' } as object)],
    reason: /EndpointSlice attic\/web-1 is for a Service of this name in namespace attic/,
    fix: /put it into shop/,
  },
  {
    situation: 'the slice names a Service that is not there',
    objects: [service(), slice({}, { labels: { 'kubernetes.io/service-name': 'webb' } })],
    reason: /shop\/web-1 names Service shop\/webb, which is not there or is not for this proxy/,
    fix: /must be kubernetes\.io\/service-name: web/,
  },
  {
    situation: 'the slice is of a Service of the same name in another namespace',
    objects: [
      service(),
      service({ metadata: { namespace: 'attic' }, spec: { clusterIP: '10.96.0.2' } }),
      slice({}, { namespace: 'attic' } as object),
    ],
    reason: /there is no endpoint/,
    fix: /EndpointSlices in namespace shop with the label kubernetes\.io\/service-name: web/,
  },
  {
    situation: 'the slice is of a Service that is handed to another proxy',
    objects: [
      service(),
      service({
        metadata: { name: 'other', labels: { 'service.kubernetes.io/service-proxy-name': 'x' } },
        spec: { clusterIP: '10.96.0.2' },
      }),
      slice({}, { labels: { 'kubernetes.io/service-name': 'other' } }),
    ],
    reason: /there is no endpoint/,
    fix: /EndpointSlices in namespace shop with the label kubernetes\.io\/service-name: web/,
  },
  {
    situation: 'there is nothing at all',
    objects: [service()],
    reason: /there is no endpoint/,
    fix: /EndpointSlices in namespace shop with the label kubernetes\.io\/service-name: web/,
  },
  {
    situation: 'policy Local, and the slice says of no endpoint on which node it is',
    objects: [
      service({
        spec: { type: 'LoadBalancer', externalTrafficPolicy: 'Local' },
        status: { loadBalancer: { ingress: [{ ip: '203.0.113.1' }] } },
      }),
      slice({ endpoints: [{ addresses: ['10.244.0.1'] }] }),
    ],
    from: 'outside',
    to: '203.0.113.1:80',
    verdict: 'drop',
    reason: /only endpoints on this node; none is ready, 1 elsewhere/,
    fix: /endpoints\[\]\.nodeName/,
  },
  {
    situation: 'the Service is handed to another proxy',
    objects: [
      service({ metadata: { labels: { 'service.kubernetes.io/service-proxy-name': 'x' } } }),
      slice(),
    ],
    verdict: 'none',
    reason:
      /Service shop\/web has this address, and its label service\.kubernetes\.io\/service-proxy-name .*: not touched/,
    fix: /remove the label/,
  },
  {
    situation: 'the Service is handed to another proxy, and its address is in a range that is ours',
    objects: [
      service({ metadata: { labels: { 'service.kubernetes.io/service-proxy-name': 'x' } } }),
      { kind: 'ServiceCIDR', metadata: { name: 'kubernetes' }, spec: { cidrs: ['10.96.0.0/16'] } },
    ],
    verdict: 'drop',
    reason: /in the ClusterIP range 10\.96\.0\.0\/16; Service shop\/web has this address, .*: dropped/,
    fix: /remove the label/,
  },
  {
    situation: 'a headless Service is asked at its external address',
    objects: [service({ spec: { clusterIP: 'None', externalIPs: ['203.0.113.9'] } })],
    to: '203.0.113.9:80',
    verdict: 'none',
    reason: /a headless Service is served by DNS alone: not touched/,
    fix: /give it a ClusterIP/,
  },
  {
    situation: 'the Service answers at another port or protocol',
    objects: [service({ spec: { ports: [{ name: 'dns', port: 53, protocol: 'UDP' }] } }), slice()],
    to: '10.96.0.1:53',
    reason: /without TCP port 53 \(there is UDP port 53 of shop\/web:dns\): rejected/,
  },
  {
    situation: 'nothing tells pods from other sources',
    objects: [service(), slice()],
    from: 'outside',
    flags: {},
    verdict: 'balance',
    reason: /the source address is kept, since nothing tells pods from other sources here/,
    fix: /--cluster-cidr/,
  },
]

for (const {
  situation,
  objects,
  to = '10.96.0.1:80',
  from = 'pod',
  flags,
  verdict = 'reject',
  reason,
  fix,
} of rows) {
  test(`explain says why, and what to do, where ${situation}`, async (t) => {
    const path = await clusterFile(t.teardown.bind(t), [node, ...objects])
    const { explanation } = await explainConnection(
      { source: `file:${path}`, from: [from], to, ...(flags ?? { clusterCidr: '10.244.0.0/16' }) },
      (line) => t.log(line),
    )
    t.is(explanation.verdict, verdict as never)
    t.regex(explanation.reason, reason)
    if (fix === undefined) t.is(explanation.fix, null)
    else t.regex(explanation.fix ?? '', fix)
  })
}

const hairpinRows: readonly [string, readonly string[], string, boolean, readonly string[]][] = [
  ['another pod', ['10.244.0.1', '10.244.0.2'], '10.244.0.9', false, []],
  ['one of two endpoints', ['10.244.0.1', '10.244.0.2'], '10.244.0.1', false, ['10.244.0.1:8080']],
  ['the only endpoint', ['10.244.0.1'], '10.244.0.1', true, ['10.244.0.1:8080']],
  ['a stranger', ['10.244.0.1', '10.244.0.2'], '198.51.100.1', true, ['10.244.0.1:8080', '10.244.0.2:8080']],
]

for (const [who, addresses, from, masquerade, masqueraded] of hairpinRows) {
  test(`explain tells by endpoint to whom ${who} is masqueraded`, async (t) => {
    const endpoints = addresses.map((address) => ({ addresses: [address], nodeName: 'here' }))
    const path = await clusterFile(t.teardown.bind(t), [node, service(), slice({ endpoints })])
    const { explanation } = await explainConnection(
      { source: `file:${path}`, from: [from], to: '10.96.0.1:80', clusterCidr: '10.244.0.0/16' },
      (line) => t.log(line),
    )
    t.like(explanation, { masquerade, masqueraded })
  })
}

test('an endpoint of another node that asks through this one is no hairpin', async (t) => {
  const path = await clusterFile(t.teardown.bind(t), [node, service(), slice()])
  const { explanation } = await explainConnection(
    { source: `file:${path}`, from: ['10.244.0.1'], to: '10.96.0.1:80', clusterCidr: '10.244.0.0/16' },
    (line) => t.log(line),
  )
  t.like(explanation, { masquerade: false, masqueraded: [] })
})

test('a Service that needs a ClusterIP is reported as left out, with what to write', async (t) => {
  const lines: string[] = []
  const path = await clusterFile(t.teardown.bind(t), [node, service({ spec: { clusterIP: undefined } })])
  const { explanation } = await explainConnection(
    { source: `file:${path}`, from: ['node'], to: '10.96.0.1:80' },
    (line) => lines.push(line),
  )
  t.is(explanation.verdict, 'none')
  t.regex(
    lines.join('\n'),
    /Service shop\/web: spec\.clusterIP nothing: must be an address of the ClusterIP range/,
  )
})

async function clusterFile(
  teardown: (clean: () => Promise<void>) => void,
  objects: readonly object[],
): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'portolan-reasons-'))
  teardown(() => rm(directory, { recursive: true }))
  const path = join(directory, 'cluster.yaml')
  await writeFile(path, objects.map((object) => stringify(object)).join('---\n'))
  return path
}
