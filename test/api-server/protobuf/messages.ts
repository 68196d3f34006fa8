import type { Kind } from '../api-object.ts'
import {
  flag,
  integer,
  integerOrText,
  json,
  list,
  type Message,
  map,
  message,
  nested,
  text,
  texts,
  time,
} from './message-fields.ts'

// Numbers are those of Kubernetes' generated.proto, pointers those of its types.go, both of release 1.37. What isn't
// here, the server drops, as one does with fields that it doesn't know.

const ownerReference = message(
  text(1, 'kind'),
  text(3, 'name'),
  text(4, 'uid'),
  text(5, 'apiVersion'),
  flag(6, 'controller', 'pointer'),
  flag(7, 'blockOwnerDeletion', 'pointer'),
)

const managedFields = message(
  text(1, 'manager'),
  text(2, 'operation'),
  text(3, 'apiVersion'),
  time(4, 'time', 'pointer'),
  text(6, 'fieldsType'),
  json(7, 'fieldsV1'),
  text(8, 'subresource'),
)

const objectMeta = message(
  text(1, 'name'),
  text(2, 'generateName'),
  text(3, 'namespace'),
  text(4, 'selfLink'),
  text(5, 'uid'),
  text(6, 'resourceVersion'),
  integer(7, 'generation', 'always', 64),
  time(8, 'creationTimestamp'),
  time(9, 'deletionTimestamp', 'pointer'),
  integer(10, 'deletionGracePeriodSeconds', 'pointer', 64),
  map(11, 'labels'),
  map(12, 'annotations'),
  list(13, 'ownerReferences', ownerReference),
  texts(14, 'finalizers'),
  list(17, 'managedFields', managedFields),
)

export const listMeta = message(
  text(1, 'selfLink'),
  text(2, 'resourceVersion'),
  text(3, 'continue'),
  integer(4, 'remainingItemCount', 'pointer', 64),
)

const condition = message(
  text(1, 'type'),
  text(2, 'status'),
  integer(3, 'observedGeneration', 'always', 64),
  time(4, 'lastTransitionTime'),
  text(5, 'reason'),
  text(6, 'message'),
)

const servicePort = message(
  text(1, 'name'),
  text(2, 'protocol'),
  integer(3, 'port'),
  integerOrText(4, 'targetPort'),
  integer(5, 'nodePort'),
  text(6, 'appProtocol', 'pointer'),
)

const clientIPConfig = message(integer(1, 'timeoutSeconds', 'pointer'))

const serviceSpec = message(
  list(1, 'ports', servicePort),
  map(2, 'selector'),
  text(3, 'clusterIP'),
  text(4, 'type'),
  texts(5, 'externalIPs'),
  text(7, 'sessionAffinity'),
  text(8, 'loadBalancerIP'),
  texts(9, 'loadBalancerSourceRanges'),
  text(10, 'externalName'),
  text(11, 'externalTrafficPolicy'),
  integer(12, 'healthCheckNodePort'),
  flag(13, 'publishNotReadyAddresses'),
  nested(14, 'sessionAffinityConfig', message(nested(1, 'clientIP', clientIPConfig, 'pointer')), 'pointer'),
  text(17, 'ipFamilyPolicy', 'pointer'),
  texts(18, 'clusterIPs'),
  texts(19, 'ipFamilies'),
  flag(20, 'allocateLoadBalancerNodePorts', 'pointer'),
  text(21, 'loadBalancerClass', 'pointer'),
  text(22, 'internalTrafficPolicy', 'pointer'),
  text(23, 'trafficDistribution', 'pointer'),
)

const portStatus = message(integer(1, 'port'), text(2, 'protocol'), text(3, 'error', 'pointer'))
const ingress = message(
  text(1, 'ip'),
  text(2, 'hostname'),
  text(3, 'ipMode', 'pointer'),
  list(4, 'ports', portStatus),
)
const serviceStatus = message(
  nested(1, 'loadBalancer', message(list(1, 'ingress', ingress))),
  list(2, 'conditions', condition),
)

const objectReference = message(
  text(1, 'kind'),
  text(2, 'namespace'),
  text(3, 'name'),
  text(4, 'uid'),
  text(5, 'apiVersion'),
  text(6, 'resourceVersion'),
  text(7, 'fieldPath'),
)

const named = message(text(1, 'name'))
const endpoint = message(
  texts(1, 'addresses'),
  nested(
    2,
    'conditions',
    message(flag(1, 'ready', 'pointer'), flag(2, 'serving', 'pointer'), flag(3, 'terminating', 'pointer')),
  ),
  text(3, 'hostname', 'pointer'),
  nested(4, 'targetRef', objectReference, 'pointer'),
  map(5, 'deprecatedTopology'),
  text(6, 'nodeName', 'pointer'),
  text(7, 'zone', 'pointer'),
  nested(8, 'hints', message(list(1, 'forZones', named), list(2, 'forNodes', named)), 'pointer'),
)

const endpointPort = message(
  text(1, 'name', 'pointer'),
  text(2, 'protocol', 'pointer'),
  integer(3, 'port', 'pointer'),
  text(4, 'appProtocol', 'pointer'),
)

const taint = message(text(1, 'key'), text(2, 'value'), text(3, 'effect'), time(4, 'timeAdded', 'pointer'))
const nodeSpec = message(
  text(1, 'podCIDR'),
  text(2, 'externalID'),
  text(3, 'providerID'),
  flag(4, 'unschedulable'),
  list(5, 'taints', taint),
  texts(7, 'podCIDRs'),
)
const nodeCondition = message(
  text(1, 'type'),
  text(2, 'status'),
  time(3, 'lastHeartbeatTime'),
  time(4, 'lastTransitionTime'),
  text(5, 'reason'),
  text(6, 'message'),
)
const nodeInfo = message(
  text(1, 'machineID'),
  text(2, 'systemUUID'),
  text(3, 'bootID'),
  text(4, 'kernelVersion'),
  text(5, 'osImage'),
  text(6, 'containerRuntimeVersion'),
  text(7, 'kubeletVersion'),
  text(8, 'kubeProxyVersion'),
  text(9, 'operatingSystem'),
  text(10, 'architecture'),
)
const kubeletEndpoint = nested(1, 'kubeletEndpoint', message(integer(1, 'Port')))
/** Without what a node can hold, and what it holds. */
const nodeStatus = message(
  text(3, 'phase'),
  list(4, 'conditions', nodeCondition),
  list(5, 'addresses', message(text(1, 'type'), text(2, 'address'))),
  nested(6, 'daemonEndpoints', message(kubeletEndpoint)),
  nested(7, 'nodeInfo', nodeInfo),
)

/** Without a message: what no client here lists in protobuf. It is served in JSON alone. */
export const objectMessages: Readonly<Partial<Record<Kind, Message>>> = {
  Service: message(
    nested(1, 'metadata', objectMeta),
    nested(2, 'spec', serviceSpec),
    nested(3, 'status', serviceStatus),
  ),
  EndpointSlice: message(
    nested(1, 'metadata', objectMeta),
    list(2, 'endpoints', endpoint),
    list(3, 'ports', endpointPort),
    text(4, 'addressType'),
  ),
  Node: message(
    nested(1, 'metadata', objectMeta),
    nested(2, 'spec', nodeSpec),
    nested(3, 'status', nodeStatus),
  ),
  ServiceCIDR: message(
    nested(1, 'metadata', objectMeta),
    nested(2, 'spec', message(texts(1, 'cidrs'))),
    nested(3, 'status', message(list(1, 'conditions', condition))),
  ),
}

const cause = message(text(1, 'reason'), text(2, 'message'), text(3, 'field'))
const details = message(
  text(1, 'name'),
  text(2, 'group'),
  text(3, 'kind'),
  list(4, 'causes', cause),
  integer(5, 'retryAfterSeconds'),
  text(6, 'uid'),
)

export const status = message(
  nested(1, 'metadata', listMeta),
  text(2, 'status'),
  text(3, 'message'),
  text(4, 'reason'),
  nested(5, 'details', details, 'pointer'),
  integer(6, 'code'),
)
