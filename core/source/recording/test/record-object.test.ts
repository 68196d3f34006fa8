import test from 'ava'
import fc from 'fast-check'
import { parseNode } from '../../../cluster/parse-node.ts'
import { parseService } from '../../../cluster/parse-service.ts'
import { parseServiceCidr } from '../../../cluster/parse-service-cidr.ts'
import { parseSlice } from '../../../cluster/parse-slice.ts'
import { endpointEdit } from '../endpoint-edit.ts'
import { recordObject } from '../record-object.ts'
import { anyEndpoint, anyRecord, anySlice } from './example-arbitraries.ts'

const parsers = {
  Service: parseService,
  EndpointSlice: parseSlice,
  Node: parseNode,
  ServiceCIDR: parseServiceCidr,
}

test('a record comes back from its object, through JSON and the parsers, without a problem', (t) => {
  fc.assert(
    fc.property(anyRecord, (record) => {
      const parsed = parsers[record.kind](JSON.parse(JSON.stringify(recordObject(record))))
      t.deepEqual(parsed, { key: record.key, record, problems: [] })
    }),
    { numRuns: 500 },
  )
})

test('the trigger time is left behind', (t) => {
  const [record] = fc.sample(anySlice, { numRuns: 1, seed: 1 })
  t.deepEqual(recordObject({ ...record!, triggerTime: 1_700_000_000_000 }), recordObject(record!))
})

test('an edit makes the later endpoints of the earlier ones', (t) => {
  const pair = fc
    .tuple(anySlice, fc.nat(), fc.nat())
    .chain(([slice, from, drop]) =>
      fc
        .array(anyEndpoint(slice.family), { maxLength: 4 })
        .map(
          (put) => [slice, { ...slice, endpoints: slice.endpoints.toSpliced(from, drop, ...put) }] as const,
        ),
    )
  fc.assert(
    fc.property(pair, ([before, after]) => {
      const { from, drop, put } = endpointEdit(before, after)!
      const object = recordObject(before)
      const endpoints = (object.endpoints as unknown[]).toSpliced(from, drop, ...put)
      t.deepEqual(parseSlice({ ...object, endpoints }).record, after)
    }),
    { numRuns: 500 },
  )
})

for (const [claim, indexes, size] of [
  ['one endpoint replaced is an edit of one', [50], 1],
  ['nothing changed is an edit of nothing', [], 0],
  ['two changed endpoints are an edit of what is between them', [10, 14], 5],
] as const) {
  test(claim, (t) => {
    const [before] = fc.sample(
      anySlice.chain((slice) =>
        fc
          .uniqueArray(anyEndpoint(slice.family), {
            minLength: 100,
            maxLength: 100,
            selector: (one) => one.address,
          })
          .map((endpoints) => ({ ...slice, endpoints })),
      ),
      { numRuns: 1, seed: 5 },
    )
    const endpoints = before!.endpoints.map((endpoint, index) =>
      (indexes as readonly number[]).includes(index) ? { ...endpoint, ready: !endpoint.ready } : endpoint,
    )
    const edit = endpointEdit(before!, { ...before!, endpoints })
    t.is(edit?.drop, size)
    t.is(edit?.put.length, size)
  })
}

test('a change of ports, family or Service is no edit', (t) => {
  const [slice] = fc.sample(anySlice, { numRuns: 1, seed: 3 })
  t.is(endpointEdit(slice!, { ...slice!, serviceKey: 'other/service' }), undefined)
  t.is(endpointEdit(slice!, { ...slice!, ports: [{ name: 'new', protocol: 'TCP', port: 1 }] }), undefined)
})
