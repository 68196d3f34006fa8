import type { ServicePort, ServiceRecord, SliceRecord, Unserved } from '../../cluster/records.ts'
import type { Address, IpFamily } from '../../network/address.ts'
import { counted } from './counted.ts'

/** What a person should know, and do about it where something is amiss. One line each. */
export interface Reason {
  readonly text: string
  readonly fix?: string
}

/** What of the cluster isn't in a table, and may still be why an endpoint isn't there. */
export interface ClusterView {
  /** `namespace/name` of all Services that are served. */
  readonly services: ReadonlySet<string>
  readonly slices: readonly SliceRecord[]
  readonly unserved: readonly Unserved[]
}

export interface AbsenceFacts {
  readonly service: ServiceRecord
  readonly port: ServicePort
  readonly family: IpFamily
  /** The Service's own slices of this family. */
  readonly slices: readonly SliceRecord[]
  /** Absent: only the table was looked at. */
  readonly cluster: ClusterView | undefined
}

const serviceNameLabel = 'kubernetes.io/service-name'

/**
 * Why a Service's port has no endpoint that could serve, from what is nearest to what is further away: its own slices
 * first, then slices that people may take for its own. The first thing that is found is told.
 */
export function whyNoEndpoints(facts: AbsenceFacts): Reason {
  return ofOwnSlices(facts) ?? ofOtherSlices(facts) ?? nothingAtAll(facts)
}

/** The Service has slices of this family: what they say doesn't fit. */
function ofOwnSlices({ service, port, slices, cluster }: AbsenceFacts): Reason | undefined {
  if (slices.length === 0) return undefined
  const endpoints = slices.flatMap((slice) => slice.endpoints)
  if (endpoints.length === 0) {
    const theirs = slices.length === 1 ? 'its EndpointSlice has' : `its ${slices.length} EndpointSlices have`
    return {
      text: `${theirs} no endpoint`,
      fix: `check whether pods match the selector of Service ${service.key} and run`,
    }
  }
  const behind = slices.filter((slice) => slice.endpoints.length > 0)
  const matching = behind.filter(({ ports }) =>
    ports.some((one) => one.name === port.name && one.protocol === port.protocol),
  )
  if (matching.length > 0) {
    const unusable = matching.flatMap((slice) => slice.endpoints)
    const number = counted(new Set(unusable.map(({ address }) => address)).size, 'endpoint')
    if (unusable.every(({ terminating }) => terminating)) {
      const fix = `wait for their successors, or check whether Service ${service.key} was scaled down to nothing`
      return { text: `${number}, all terminating`, fix }
    }
    return {
      text: `${number}, none ready`,
      fix: `check why the pods of Service ${service.key} are not ready: their readiness probes, kubectl describe pod`,
    }
  }
  const found = `there ${endpoints.length === 1 ? 'is' : 'are'} ${counted(endpoints.length, 'endpoint')}, but`
  const ports = behind.flatMap((slice) => slice.ports)
  const otherProtocols = unique(
    ports.filter(({ name }) => name === port.name).map(({ protocol }) => protocol),
  )
  if (otherProtocols.length > 0) {
    return {
      text: `${found} their port ${quoted(port.name)} is ${otherProtocols.join(' and ')} in the EndpointSlices and ${port.protocol} in the Service`,
      fix: 'give both the same protocol: ports[].protocol',
    }
  }
  if (ports.length > 0) {
    const names = unique(ports.map(({ name, protocol }) => `${quoted(name)} (${protocol})`))
    return {
      text: `${found} none has this port: the Service's is ${quoted(port.name)} (${port.protocol}), the EndpointSlices have ${listed(names)}`,
      fix: 'give the port of the Service and that of its EndpointSlices the same name: a slice is matched by the name of the port, not by its number',
    }
  }
  const portless = cluster?.unserved.find(
    ({ why, serviceKey }) => why === 'portless' && serviceKey === service.key,
  )
  return {
    text:
      portless === undefined
        ? `${found} their EndpointSlices have no port`
        : `${found} the ports of EndpointSlice ${portless.object} have no number`,
    fix: 'give the EndpointSlice ports with name and number',
  }
}

/** Slices that may be mistaken for the Service's own. */
function ofOtherSlices(facts: AbsenceFacts): Reason | undefined {
  const { service, family, cluster } = facts
  if (cluster === undefined) return undefined
  const [namespace = '', name = ''] = service.key.split('/')
  const otherFamily = cluster.slices.find(
    (slice) => slice.serviceKey === service.key && slice.family !== family,
  )
  if (otherFamily !== undefined) {
    return {
      text: `its EndpointSlices are of ${otherFamily.family} alone, and this address is of ${family}`,
      fix: `ask for the Service's ${otherFamily.family} address, or give the pods ${family} addresses (spec.ipFamilies)`,
    }
  }
  for (const { why, object, serviceKey } of cluster.unserved) {
    if (serviceKey !== service.key) continue
    if (why === 'headless') {
      return {
        text: `EndpointSlice ${object} has the label service.kubernetes.io/headless, so no proxy serves it`,
        fix: `remove that label: Service ${service.key} has a ClusterIP`,
      }
    }
    if (why === 'fqdn') {
      return {
        text: `EndpointSlice ${object} is of addressType FQDN, and a proxy serves addresses only`,
        fix: `give it addressType ${family} and addresses`,
      }
    }
  }
  // Where there is a Service of this name as well, the slice is that one's.
  const elsewhere = cluster.slices.find(
    ({ serviceKey }) => serviceKey.endsWith(`/${name}`) && !isThere(cluster, serviceKey),
  )
  if (elsewhere !== undefined) {
    const [theirs = ''] = elsewhere.serviceKey.split('/')
    return {
      text: `EndpointSlice ${elsewhere.key} is for a Service of this name in namespace ${theirs}`,
      fix: `a slice serves Services of its own namespace only: put it into ${namespace}`,
    }
  }
  return unlabelled(cluster, namespace, name) ?? misspelt(cluster, namespace, name)
}

function unlabelled({ unserved }: ClusterView, namespace: string, name: string): Reason | undefined {
  const within = unserved.filter(
    ({ why, object }) => why === 'noServiceName' && object.startsWith(`${namespace}/`),
  )
  const candidate = within.find(({ object }) => object.startsWith(`${namespace}/${name}`)) ?? within[0]
  if (candidate === undefined) return undefined
  return {
    text: `no EndpointSlice names it; ${candidate.object} names no Service at all`,
    fix: `if that slice is meant, give it the label ${serviceNameLabel}: ${name}`,
  }
}

function misspelt(cluster: ClusterView, namespace: string, name: string): Reason | undefined {
  const orphan = cluster.slices.find(
    ({ serviceKey }) => serviceKey.startsWith(`${namespace}/`) && !isThere(cluster, serviceKey),
  )
  if (orphan === undefined) return undefined
  return {
    text: `no EndpointSlice names it; ${orphan.key} names Service ${orphan.serviceKey}, which is not there or is not for this proxy`,
    fix: `if that slice is meant, its label must be ${serviceNameLabel}: ${name}`,
  }
}

/** Whether there is such a Service, whatever proxy serves it, as far as the source tells. */
function isThere({ services, unserved }: ClusterView, key: string): boolean {
  return services.has(key) || unserved.some(({ kind, object }) => kind === 'Service' && object === key)
}

function nothingAtAll({ service }: AbsenceFacts): Reason {
  const [namespace, name] = service.key.split('/')
  return {
    text: 'there is no endpoint',
    fix: `look for EndpointSlices in namespace ${namespace} with the label ${serviceNameLabel}: ${name}; without any, check whether the Service has a selector`,
  }
}

/** Why an address that a Service has isn't served. */
export function unservedAt(address: Address, cluster: ClusterView | undefined): Reason | undefined {
  const service = cluster?.unserved.find(({ addresses }) => addresses?.includes(address) ?? false)
  if (service === undefined) return undefined
  switch (service.why) {
    case 'otherProxy':
      return {
        text: `Service ${service.object} has this address, and its label service.kubernetes.io/service-proxy-name hands it to another proxy`,
        fix: 'ask that proxy, or remove the label, whatever its value',
      }
    case 'headless':
      return {
        text: `Service ${service.object} has this address, and a headless Service is served by DNS alone`,
        fix: 'give it a ClusterIP to have it served at its other addresses',
      }
    default:
      return {
        text: `Service ${service.object} has this address, and one of type ExternalName is served by DNS alone`,
        fix: 'give it another type',
      }
  }
}

function quoted(name: string): string {
  return name === '' ? 'unnamed' : `"${name}"`
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)]
}

function listed(values: readonly string[]): string {
  const shown = values.slice(0, 5).join(', ')
  return values.length > 5 ? `${shown} and ${values.length - 5} more` : shown
}
