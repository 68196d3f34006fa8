import { readAnnotations, readLabels } from '../../../cluster/well-known.ts'
import {
  entries,
  flag,
  integer,
  kept,
  list,
  type Message,
  message,
  nested,
  shared,
  text,
  time,
  word,
} from './message.ts'

// What core/cluster and the reflector read of each message, by the numbers of Kubernetes' generated.proto (k8s.io/api and
// k8s.io/apimachinery). They are the same in every release: the numbers of a field never change.

const labels = entries('labels', new Set(Object.values(readLabels)))
const annotations = entries('annotations', new Set(Object.values(readAnnotations)))

const identity = {
  1: text('name'),
  3: word('namespace'),
  6: text('resourceVersion'),
  11: labels,
  12: annotations,
}
const objectMeta = nested(
  'metadata',
  message({ ...identity, 8: time('creationTimestamp'), 9: time('deletionTimestamp') }),
)
/** A slice's age decides nothing, and moments are dear. */
const sliceMeta = nested('metadata', message(identity))

const servicePort = message(
  { 1: word('name'), 2: word('protocol'), 3: kept(integer('port')), 5: integer('nodePort') },
  { port: 0 },
)
const clientIP = message({ 1: kept(integer('timeoutSeconds')) })
const ingress = message({ 1: text('ip'), 3: kept(word('ipMode')) })

const service = message({
  1: objectMeta,
  2: nested(
    'spec',
    message({
      1: list(shared(nested('ports', servicePort))),
      3: text('clusterIP'),
      4: word('type'),
      5: list(text('externalIPs')),
      7: word('sessionAffinity'),
      9: list(text('loadBalancerSourceRanges')),
      11: word('externalTrafficPolicy'),
      12: integer('healthCheckNodePort'),
      14: nested('sessionAffinityConfig', message({ 1: nested('clientIP', clientIP) })),
      18: list(text('clusterIPs')),
      19: list(word('ipFamilies')),
      22: kept(word('internalTrafficPolicy')),
    }),
  ),
  3: nested(
    'status',
    message({ 1: nested('loadBalancer', message({ 1: list(nested('ingress', ingress)) })) }),
  ),
})

const conditions = message({ 1: kept(flag('ready')), 2: kept(flag('serving')), 3: kept(flag('terminating')) })
const hint = message({ 1: kept(word('name')) }, { name: '' })
const hints = message({ 1: list(nested('forZones', hint)), 2: list(nested('forNodes', hint)) })
const endpoint = message(
  {
    1: list(text('addresses')),
    2: shared(nested('conditions', conditions)),
    6: kept(word('nodeName')),
    8: shared(nested('hints', hints)),
  },
  { addresses: null },
)
const endpointPort = message({
  1: kept(word('name')),
  2: kept(word('protocol')),
  3: kept(integer('port')),
})

const endpointSlice = message(
  {
    1: sliceMeta,
    2: list(nested('endpoints', endpoint)),
    3: list(shared(nested('ports', endpointPort))),
    4: kept(word('addressType')),
  },
  { addressType: '', endpoints: null, ports: null },
)

const taint = message({ 1: kept(word('key')) }, { key: '' })
const nodeAddress = message({ 1: kept(word('type')), 2: kept(text('address')) }, { type: '', address: '' })

const node = message({
  1: objectMeta,
  2: nested(
    'spec',
    message({ 1: text('podCIDR'), 5: list(nested('taints', taint)), 7: list(text('podCIDRs')) }),
  ),
  3: nested('status', message({ 5: list(nested('addresses', nodeAddress)) })),
})

const serviceCidr = message({
  1: objectMeta,
  2: nested('spec', message({ 1: list(text('cidrs')) })),
})

const status = message({
  3: text('message'),
  5: nested('details', message({ 5: integer('retryAfterSeconds') })),
  6: integer('code'),
})

/** Of a list without its items. */
export const listMeta = message({ 2: text('resourceVersion'), 3: text('continue') })

/** By apiVersion and kind, as an envelope names them. */
export const apiMessages: ReadonlyMap<string, Message> = new Map([
  ['v1 Service', service],
  ['discovery.k8s.io/v1 EndpointSlice', endpointSlice],
  ['v1 Node', node],
  ['networking.k8s.io/v1 ServiceCIDR', serviceCidr],
  ['v1 Status', status],
])
