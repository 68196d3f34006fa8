import assert from 'node:assert/strict'
import {
  encodeEvent,
  encodeList,
  encodeObject,
  encodeStatus,
  enveloped,
  resourceKind,
} from '@portolan/api-server'
import fc from 'fast-check'
import { damagedBytes } from '../../../../../test/fuzz/damaged.ts'
import { parseNode } from '../../../../cluster/parse-node.ts'
import { parseService } from '../../../../cluster/parse-service.ts'
import { parseServiceCidr } from '../../../../cluster/parse-service-cidr.ts'
import { parseSlice } from '../../../../cluster/parse-slice.ts'
import type { Parsed } from '../../../../cluster/parsed.ts'
import type { ClusterRecord } from '../../../../cluster/records.ts'
import { readFrame, readListOrStatus, readObject } from '../answer.ts'
import { WireError } from '../wire-reader.ts'
import { goNodes, goServiceCidrs, goServices, goSlices } from './go-objects.ts'

type Parse = (raw: unknown) => Parsed<ClusterRecord>

/** Whether record, problems and all are the same by protobuf as by JSON. */
const readAlike = (kind: string, objects: fc.Arbitrary<unknown>, parse: Parse) =>
  fc.property(objects, (object) => {
    const resource = resourceKind(kind)
    const bytes = encodeObject(resource, object)
    assert.ok(bytes !== undefined)
    assert.deepEqual(parse(readObject(enveloped(resource, bytes))), parse(object))
  })

export const services = readAlike('Service', goServices, parseService)
export const slices = readAlike('EndpointSlice', goSlices, parseSlice)
export const nodes = readAlike('Node', goNodes, parseNode)
export const serviceCidrs = readAlike('ServiceCIDR', goServiceCidrs, parseServiceCidr)

const web = {
  metadata: {
    name: 'web-1',
    namespace: 'shop',
    resourceVersion: '7',
    labels: { 'kubernetes.io/service-name': 'web', app: 'web' },
    creationTimestamp: '2026-01-01T00:00:00Z',
  },
  addressType: 'IPv4',
  endpoints: [
    {
      addresses: ['10.0.0.1'],
      conditions: { ready: true },
      nodeName: 'node-1',
      hints: { forZones: [{ name: 'a' }] },
    },
  ],
  ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
}
const resource = resourceKind('EndpointSlice')
const bytes = encodeObject(resource, web) ?? Buffer.alloc(0)
const status = encodeStatus({ status: 'Failure', message: 'too old', reason: 'Expired', code: 410 })
const event = encodeEvent('ADDED', enveloped(resource, bytes)).subarray(4)
const list = Buffer.concat(encodeList(resource, { resourceVersion: '9', continue: 'a' }, [bytes, bytes]))

/** Whether reading ends, and with what callers know. */
function declared(read: () => unknown): void {
  try {
    read()
  } catch (error) {
    assert.ok(error instanceof WireError, String(error))
    assert.ok(error.message.length < 1000, error.message)
  }
}

export const damagedObjects = fc.property(damagedBytes(enveloped(resource, bytes), status), (damaged) =>
  declared(() => parseSlice(readObject(damaged))),
)

export const damagedEvents = fc.property(damagedBytes(event), (damaged) =>
  declared(() => readObject(readFrame(damaged).object)),
)

export const damagedLists = fc.property(damagedBytes(list, status), (damaged) =>
  declared(() => {
    const { items } = readListOrStatus(damaged)
    for (const item of (items ?? []) as Iterable<unknown>) parseSlice(item)
  }),
)
