import * as https from 'node:https'
import {
  type ApiObject,
  encodeBookmark,
  encodeEvent,
  encodeList,
  encodeObject,
  encodeStatus,
  enveloped,
  resourceKind,
} from '@portolan/api-server'
import test from 'ava'
import { administrator, RealApiServer } from '../real-api-server.ts'
import { realApiServerTest } from '../real-test.ts'

// That the embedded API server's protobuf is kube-apiserver's: the same bytes for the same objects.

const real = realApiServerTest(test)

const kinds = ['Service', 'EndpointSlice', 'Node', 'ServiceCIDR'] as const
const annotations = { z: 'last', note: 'ünïcode' }

const objects: readonly ApiObject[] = [
  {
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default', labels: { b: '2', a: '1' }, annotations },
    spec: {
      type: 'LoadBalancer',
      externalTrafficPolicy: 'Local',
      sessionAffinity: 'ClientIP',
      loadBalancerSourceRanges: ['10.0.0.0/8', '2001:db8::/32'],
      externalIPs: ['203.0.113.9'],
      ipFamilyPolicy: 'PreferDualStack',
      selector: { app: 'web', tier: 'front' },
      ports: [
        { name: 'http', port: 80, targetPort: 'web' },
        { name: 'dns', port: 53, protocol: 'UDP', targetPort: 5353, appProtocol: 'example.com/dns' },
      ],
    },
  },
  { kind: 'Service', metadata: { name: 'none', namespace: 'default' }, spec: { clusterIP: 'None' } },
  {
    kind: 'Service',
    metadata: { name: 'elsewhere', namespace: 'default' },
    spec: { type: 'ExternalName', externalName: 'example.com' },
  },
  {
    kind: 'EndpointSlice',
    metadata: {
      name: 'web-1',
      namespace: 'default',
      labels: { 'kubernetes.io/service-name': 'web' },
      finalizers: ['example.com/held'],
      ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name: 'web', uid: '1', controller: true }],
    },
    addressType: 'IPv4',
    endpoints: [
      {
        addresses: ['10.1.0.1'],
        conditions: { ready: true, serving: false },
        nodeName: 'node-1',
        zone: 'zone-a',
        hints: { forZones: [{ name: 'zone-a' }], forNodes: [{ name: 'node-1' }] },
        targetRef: { kind: 'Pod', namespace: 'default', name: 'web-1', uid: '2' },
        hostname: 'web',
      },
      { addresses: ['10.1.0.2'] },
    ],
    ports: [{ name: 'http', port: 8080 }, { name: 'all' }],
  },
  {
    kind: 'EndpointSlice',
    metadata: { name: 'empty', namespace: 'default' },
    addressType: 'IPv6',
    endpoints: [],
    ports: [],
  },
  {
    kind: 'Node',
    metadata: { name: 'node-1', labels: { 'topology.kubernetes.io/zone': 'zone-a' } },
    spec: {
      podCIDRs: ['10.244.1.0/24'],
      podCIDR: '10.244.1.0/24',
      taints: [{ key: 'a', effect: 'NoSchedule' }],
    },
    status: { addresses: [{ type: 'InternalIP', address: '192.0.2.1' }] },
  },
]

const initialEventsEnd = 'k8s.io/initial-events-end'

function framesOf(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = []
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at)
    frames.push(bytes.subarray(at + 4, end))
    at = end
  }
  return frames
}

// biome-ignore lint/suspicious/noExplicitAny: JSON of an API server
function withoutVersion(object: any): unknown {
  return {
    metadata: { ...object.metadata, resourceVersion: '0'.repeat(object.metadata.resourceVersion.length) },
  }
}

function unversioned(frame: Buffer): string {
  const text = frame.toString()
  return frame.includes(initialEventsEnd)
    ? text.replace(/\d+(?=8\0)/, (digits) => '0'.repeat(digits.length))
    : text
}

/** What a server answers to a request for protobuf: of a watch, up to these bytes. */
function protobufOf(server: RealApiServer, path: string, last?: string) {
  return new Promise<{ contentType: string; bytes: Buffer }>((resolve, reject) => {
    const headers = {
      accept: 'application/vnd.kubernetes.protobuf,application/json',
      authorization: `Bearer ${administrator}`,
    }
    const url = new URL(path, server.url)
    const request = https.get(url, { headers, ca: server.certificateAuthority }, (response) => {
      const contentType = response.headers['content-type'] ?? ''
      const chunks: Buffer[] = []
      const done = () => resolve({ contentType, bytes: Buffer.concat(chunks) })
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        if (last === undefined || !framesOf(Buffer.concat(chunks)).at(-1)?.includes(last)) return
        done()
        request.destroy()
      })
      response.once('end', done)
    })
    request.on('error', reject)
  })
}

/** The first two in JSON and in protobuf, of one moment: the server writes things of its own, and each counts. */
async function listed(server: RealApiServer, path: string) {
  for (;;) {
    const { body: list } = await server.client.get(path, { limit: '2' })
    const answer = await protobufOf(server, `${path}?limit=2`)
    const { body: after } = await server.client.get(path, { limit: '2' })
    if (list.metadata.resourceVersion === after.metadata.resourceVersion) return { list, answer }
  }
}

function encoded(kind: string, object: unknown): Buffer {
  const bytes = encodeObject(resourceKind(kind), object)
  if (bytes === undefined) throw new Error(`cannot encode ${JSON.stringify(object)}`)
  return bytes
}

real(
  'lists, watches and refusals in protobuf are, byte by byte, what the embedded API server makes',
  async (t) => {
    t.timeout(300_000)
    await using server = await RealApiServer.start()
    for (const object of objects) {
      const { prefix, plural, namespaced, apiVersion } = resourceKind(object.kind)
      const path = namespaced ? `${prefix}/namespaces/default/${plural}` : `${prefix}/${plural}`
      const { status, body } = await server.client.request('POST', path, { body: { apiVersion, ...object } })
      t.is(status, 201, JSON.stringify(body))
    }
    for (const kind of kinds) {
      const resource = resourceKind(kind)
      const path = `${resource.prefix}/${resource.plural}`
      const { list, answer } = await listed(server, path)
      t.true(list.items.length > 0, kind)
      const items = list.items.map((item: unknown) => encoded(kind, item))
      t.is(answer.contentType, 'application/vnd.kubernetes.protobuf')
      t.deepEqual(answer.bytes, Buffer.concat(encodeList(resource, list.metadata, items)), kind)

      const query =
        'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'
      using watch = await server.client.watch(path, Object.fromEntries(new URLSearchParams(query)))
      await watch.next(({ type }) => type === 'BOOKMARK')
      const wanted = watch.events.map(({ type, object }) => {
        // Its version is that of the moment.
        const bytes =
          type === 'BOOKMARK' ? encodeBookmark(resource, withoutVersion(object)) : encoded(kind, object)
        return encodeEvent(type, enveloped(resource, bytes)).subarray(4)
      })
      const watched = await protobufOf(server, `${path}?${query}`, initialEventsEnd)
      t.is(watched.contentType, 'application/vnd.kubernetes.protobuf;stream=watch')
      // Their order is the server's whim.
      t.deepEqual(framesOf(watched.bytes).map(unversioned).sort(), wanted.map(String).sort(), kind)
    }
    const missing = '/api/v1/namespaces/default/services/missing'
    const { body: status } = await server.client.get(missing)
    t.deepEqual((await protobufOf(server, missing)).bytes, encodeStatus(status))
  },
)
