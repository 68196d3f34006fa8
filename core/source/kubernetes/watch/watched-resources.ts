import {
  type NodeRecord,
  parseNode,
  parseService,
  parseServiceCidr,
  parseSlice,
  type ServiceCidrRecord,
  type ServiceRecord,
  type SliceRecord,
} from '../../../cluster/index.ts'
import type { Resource } from '../requests/resource.ts'

/** All resources, with the selectors of kube-proxy (SEMANTICS 1). An object that stops matching arrives as deleted. */
export const serviceResource: Resource<ServiceRecord> = {
  kind: 'Service',
  name: 'services',
  path: '/api/v1/services',
  single: { namespace: 'default', name: 'kubernetes' },
  labelSelector: '!service.kubernetes.io/service-proxy-name',
  fieldSelector: 'spec.clusterIP!=None',
  fieldSelectorOptional: true,
  parse: parseService,
}

export const sliceResource: Resource<SliceRecord> = {
  kind: 'EndpointSlice',
  name: 'endpointslices.discovery.k8s.io',
  path: '/apis/discovery.k8s.io/v1/endpointslices',
  single: { namespace: 'default', name: 'kubernetes' },
  labelSelector: '!service.kubernetes.io/headless',
  parse: parseSlice,
}

/** @param nodeName this Node object alone; absent: all of them */
export function nodeResource(nodeName?: string): Resource<NodeRecord> {
  return {
    kind: 'Node',
    name: 'nodes',
    path: '/api/v1/nodes',
    single: { name: nodeName ?? 'kubernetes' },
    ...(nodeName === undefined ? {} : { fieldSelector: `metadata.name=${nodeName}` }),
    parse: parseNode,
  }
}

/** Served since Kubernetes 1.33; without it nothing is dropped for being unallocated. */
export const serviceCidrResource: Resource<ServiceCidrRecord> = {
  kind: 'ServiceCIDR',
  name: 'servicecidrs.networking.k8s.io',
  path: '/apis/networking.k8s.io/v1/servicecidrs',
  single: { name: 'kubernetes' },
  optional: true,
  parse: parseServiceCidr,
}
