import {
  encodeBookmark,
  encodeList,
  encodeObject,
  encodeStatus,
  enveloped,
  resourceKind,
} from '@portolan/api-server'
import test from 'ava'
import fc from 'fast-check'
import { type ProtobufList, readFrame, readListOrStatus, readObject } from '../answer.ts'
import { WireError } from '../wire-reader.ts'
import * as properties from './protobuf.fuzz.ts'

const claims: Readonly<Record<keyof typeof properties, string>> = {
  services: 'a Service comes to the same by protobuf and by JSON, problems and all',
  slices: 'an EndpointSlice comes to the same by protobuf and by JSON, problems and all',
  nodes: 'a Node comes to the same by protobuf and by JSON, problems and all',
  serviceCidrs: 'a ServiceCIDR comes to the same by protobuf and by JSON, problems and all',
  damagedObjects: 'a damaged object is read, or is an error that callers know',
  damagedEvents: 'a damaged event is read, or is an error that callers know',
  damagedLists: 'a damaged list is read, or is an error that callers know',
}

for (const [name, property] of Object.entries(properties)) {
  test(claims[name as keyof typeof properties], (t) => {
    fc.assert<unknown>(property, { numRuns: 1000 })
    t.pass()
  })
}

const service = resourceKind('Service')
const encoded = (object: object) => encodeObject(service, object) ?? Buffer.alloc(0)
const web = encoded({
  metadata: { name: 'web', namespace: 'shop' },
  spec: { ports: [{ port: 80 }, { port: 81 }] },
})
const [metadataBytes] = [web.subarray(0, 2 + (web[1] ?? 0))]
const field = (number: number, content: readonly number[]) =>
  Buffer.from([(number << 3) | 2, content.length, ...content])

const unreadable: readonly (readonly [string, Buffer, string])[] = [
  [
    'text in place of a number',
    field(2, [...field(1, [...field(3, [1])])]),
    'Service shop/web: spec.ports[0].port: has the wire type 2 instead of 0',
  ],
  [
    'a number in place of a text',
    field(2, [24, 1]),
    'Service shop/web: spec.clusterIP: has the wire type 0 instead of 2',
  ],
  [
    'a text that goes on beyond its object',
    Buffer.from([18, 4, 26, 9, 1, 1, 26, 0, 26, 0, 26, 0, 26, 0]),
    'Service shop/web: spec.clusterIP: goes on beyond the end of what holds it',
  ],
  ['an object that is cut off', Buffer.from([18, 9, 26]), 'Service shop/web: spec: is cut off'],
  [
    'a wire type of long ago',
    Buffer.from([123]),
    "Service shop/web: field 15: has the wire type 3, which the API doesn't use",
  ],
  [
    'a number without an end',
    field(2, field(1, [24, ...new Array(11).fill(0xff)]) as never),
    'Service shop/web: spec.ports[0].port: has a number of more than ten bytes',
  ],
]
for (const [what, bytes, message] of unreadable) {
  test(`${what} is an error that names object and field`, (t) => {
    const object = Buffer.concat([metadataBytes, bytes])
    t.throws(() => readObject(enveloped(service, object)), { instanceOf: WireError, message })
  })
}

test('fields that nobody reads are passed over, whatever is in them', (t) => {
  const unknown = Buffer.concat([
    // Numbers of 64 and 32 bits, a varint, and bytes, in fields that the API may get one day.
    Buffer.from([((100 << 3) & 0x7f) | 0x80 | 1, 6, 1, 2, 3, 4, 5, 6, 7, 8]),
    Buffer.from([((90 << 3) & 0x7f) | 0x80 | 5, 5, 1, 2, 3, 4]),
    Buffer.from([((90 << 3) & 0x7f) | 0x80, 5, 0xff, 1]),
    field(15, [0xff, 0xff, 0xff]),
  ])
  const read = readObject(enveloped(service, Buffer.concat([unknown, web, unknown])))
  t.deepEqual(read, readObject(enveloped(service, web)))
})

test('contents that many objects have are read once, and never as what they are of another field', (t) => {
  const slice = resourceKind('EndpointSlice')
  const zone = (name: string) => ({ forZones: [{ name }] })
  const read = (name: string, hints: object, conditions: object) => {
    const object = {
      metadata: { name },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.0.0.1'], conditions, hints }],
      ports: [{ name: '', protocol: 'TCP', port: 80 }],
    }
    const bytes = encodeObject(slice, object) ?? Buffer.alloc(0)
    const { endpoints } = readObject(enveloped(slice, bytes)) as unknown as {
      endpoints: { hints: object; conditions: object }[]
    }
    return endpoints[0]
  }
  const first = read('a', zone('zone-a'), { ready: true, serving: true, terminating: false })
  const second = read('b', zone('zone-a'), { ready: true, serving: true, terminating: false })
  t.is(first?.hints, second?.hints)
  t.is(first?.conditions, second?.conditions)
  for (const name of ['zone-b', 'é', 'z'.repeat(63), 'z'.repeat(62)])
    t.deepEqual(read('c', zone(name), { ready: false })?.hints, zone(name))
  t.deepEqual(read('d', zone('zone-a'), { ready: false })?.conditions, { ready: false })
  // More kinds than are remembered.
  for (let number = 0; number < 3000; number++) {
    const name = `zone-${number % 1500}`
    t.deepEqual(read('e', zone(name), {})?.hints, zone(name))
  }
})

test('an annotation that nobody asks for makes no text', (t) => {
  const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': 'x'.repeat(200_000) }
  const read = readObject(enveloped(service, encoded({ metadata: { name: 'web', annotations } })))
  t.deepEqual(read.metadata, { name: 'web', creationTimestamp: null })
})

test('a bookmark says where it is', (t) => {
  const bytes = encodeBookmark(service, { metadata: { resourceVersion: '12' } })
  t.like(readObject(enveloped(service, bytes)).metadata, { resourceVersion: '12' })
})

test('a list has its version, its continue token and its items in their order', (t) => {
  const items = ['a', 'b', 'c'].map((name) => encoded({ metadata: { name } }))
  const metadata = { resourceVersion: '9', continue: 'next', remainingItemCount: 5 }
  const list = readListOrStatus(Buffer.concat(encodeList(service, metadata, items))) as ProtobufList
  t.deepEqual(list.metadata, { resourceVersion: '9', continue: 'next' })
  t.deepEqual(
    [...list.items].map(({ metadata }) => (metadata as { name: string }).name),
    ['a', 'b', 'c'],
  )
})

test('a Status in place of a list says why', (t) => {
  const status = { status: 'Failure', message: 'too old', code: 410, details: { retryAfterSeconds: 3 } }
  t.deepEqual(readListOrStatus(encodeStatus(status)), {
    message: 'too old',
    code: 410,
    details: { retryAfterSeconds: 3 },
  })
})

test('a list or an event whose content goes on beyond its end is no list or event', (t) => {
  const message = 'goes on beyond the end of what holds it'
  const type = [10, 2, ...Buffer.from('v1'), 18, 11, ...Buffer.from('ServiceList')]
  const head = [...Buffer.from('k8s\0'), 10, type.length, ...type]
  // An item of four bytes in a list of three: the last three are a field of the envelope as well.
  const list = Buffer.from([...head, 18, 3, 18, 4, 10, 26, 1, 97])
  t.throws(() => readListOrStatus(list), { instanceOf: WireError, message })
  t.throws(() => readFrame(Buffer.from([18, 3, 10, 4, 1, 1, 1, 1])), { instanceOf: WireError, message })
})

test('of what names itself at length an error shows the beginning', (t) => {
  const long = 'x'.repeat(1_000_000)
  const messageOf = (bytes: Buffer) => t.throws(() => readObject(bytes), { instanceOf: WireError }).message
  t.true(messageOf(enveloped({ apiVersion: 'v1', kind: long }, web)).length < 200)
  const named = Buffer.concat([encoded({ metadata: { name: `\u001b[2J${long}` } }), Buffer.from([18, 9, 26])])
  const message = messageOf(enveloped(service, named))
  t.true(message.length < 400)
  t.regex(message, /^Service \ufffd\[2Jx+…: spec: is cut off$/)
})

test('what is another kind of object is told by its name', (t) => {
  const bytes = enveloped({ apiVersion: 'apps/v1', kind: 'Deployment' }, web)
  t.throws(() => readObject(bytes), { message: '"apps/v1 Deployment" is nothing that was asked for' })
})
