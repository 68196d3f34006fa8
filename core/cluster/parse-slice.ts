import { familyOf, type IpFamily } from '../network/address.ts'
import { interned, internedList } from './interned.ts'
import type { Parsed } from './parsed.ts'
import type { ProblemReport } from './problem-report.ts'
import {
  isObjectName,
  isRawObject,
  isWholeNumber,
  listField,
  type RawObject,
  readIdentity,
} from './raw-object.ts'
import type { SliceEndpoint, SlicePort, SliceRecord, Unserved } from './records.ts'
import { isPortName, readProtocol } from './service-ports.ts'
import { ordinaryAddress, usableAddress } from './usable-address.ts'
import { readAnnotations, readLabels } from './well-known.ts'

const noHints: readonly string[] = Object.freeze([])

/**
 * Reads an EndpointSlice (SEMANTICS 3). Valid but not ours, so without a record and without a problem: one of a headless
 * Service, one of type FQDN, and one that belongs to no Service.
 *
 * Hot: runs for every endpoint of the cluster (`portolan bench --scenario core` measures it), so the usual value of a field is
 * checked in place, and paths are only spelled out when there is something to tell.
 */
export function parseSlice(raw: unknown): Parsed<SliceRecord> {
  const { key, namespace, metadata, labels, report } = readIdentity('EndpointSlice', raw, true)
  const absent = (): Parsed<SliceRecord> => ({ key, record: undefined, problems: report.problems })
  if (key === '' || !isRawObject(raw)) return absent()
  const service = labels[readLabels.serviceName]
  const unserved = (why: Unserved['why']): Parsed<SliceRecord> => ({
    ...absent(),
    unserved: { kind: 'EndpointSlice', object: key, why, ...namedService(namespace, service) },
  })
  if (Object.hasOwn(labels, readLabels.headless)) return unserved('headless')
  const addressType = raw.addressType
  if (addressType === 'FQDN') return unserved('fqdn')
  if (addressType !== 'IPv4' && addressType !== 'IPv6') {
    report.skipObject('addressType', addressType, 'must be IPv4, IPv6 or FQDN; the slice is left out')
    return absent()
  }
  // Another controller's object then, as valid as one of ours: the API asks for no label.
  if (service === undefined || service === null || service === '') return unserved('noServiceName')
  if (!isObjectName(service)) {
    report.skipObject(
      `metadata.labels["${readLabels.serviceName}"]`,
      service,
      'must name the Service that the slice belongs to; the slice is left out',
    )
    return absent()
  }
  const triggerTime = readTriggerTime(metadata, report)
  const serviceKey = `${namespace}/${service}`
  const record: SliceRecord = {
    kind: 'EndpointSlice',
    key,
    serviceKey,
    family: addressType,
    ports: readPorts(raw, report),
    endpoints: readEndpoints(raw, addressType, report),
    ...(triggerTime === undefined ? {} : { triggerTime }),
  }
  const { problems } = report
  if (!hasUnnumberedPort(raw.ports)) return { key, record, problems }
  return {
    key,
    record,
    problems,
    unserved: { kind: 'EndpointSlice', object: key, why: 'portless', serviceKey },
  }
}

function namedService(namespace: string, service: unknown): Pick<Unserved, 'serviceKey'> {
  return isObjectName(service) ? { serviceKey: `${namespace}/${service}` } : {}
}

function hasUnnumberedPort(ports: unknown): boolean {
  return Array.isArray(ports) && ports.some((port) => isRawObject(port) && isUnnumbered(port.port))
}

/** A port without a number means "all ports", which is legal and which a proxy can't serve. */
function isUnnumbered(port: unknown): boolean {
  return port === undefined || port === null || port === 0
}

/** A name that is left out is the empty one: the API's default, which a file may leave to us (decisions.md). */
function readPorts(raw: RawObject, report: ProblemReport): readonly SlicePort[] {
  const ports: SlicePort[] = []
  for (const [index, port] of listField(raw, 'ports', 'ports', report).entries()) {
    if (!isRawObject(port)) {
      report.skipValue(`ports[${index}]`, port, 'must be an object; this port is left out')
      continue
    }
    const { port: number } = port
    if (isUnnumbered(number)) continue
    const name = port.name ?? ''
    const protocol = readProtocol(port.protocol)
    if (!isPortName(name)) {
      report.skipValue(`ports[${index}].name`, name, 'must be a DNS label; this port is left out')
    } else if (protocol === undefined) {
      const fix = 'must be TCP, UDP or SCTP; this port is left out'
      report.skipValue(`ports[${index}].protocol`, port.protocol, fix)
    } else if (!isWholeNumber(number, 1, 65_535)) {
      report.skipValue(`ports[${index}].port`, number, 'must be 1 to 65535; this port is left out')
    } else {
      ports.push({ name: interned(name), protocol, port: number })
    }
  }
  return ports
}

function readEndpoints(raw: RawObject, family: IpFamily, report: ProblemReport): readonly SliceEndpoint[] {
  const list = listField(raw, 'endpoints', 'endpoints', report)
  const endpoints = list.map((endpoint, index) => readEndpoint(endpoint, index, family, report))
  if (endpoints.every((endpoint) => endpoint !== undefined)) return endpoints
  // A copy has no room for more: an array that grew has room for half as many again, and for 17 at least.
  return endpoints.filter((endpoint) => endpoint !== undefined).slice()
}

function readEndpoint(
  raw: unknown,
  index: number,
  family: IpFamily,
  report: ProblemReport,
): SliceEndpoint | undefined {
  if (!isRawObject(raw)) {
    report.skipValue(`endpoints[${index}]`, raw, 'must be an object; this endpoint is left out')
    return undefined
  }
  const addresses = raw.addresses
  if (!Array.isArray(addresses) || addresses.length === 0) {
    report.skipValue(
      `endpoints[${index}].addresses`,
      addresses,
      'must hold one address; this endpoint is left out',
    )
    return undefined
  }
  // Only the first address of an endpoint is used (SEMANTICS 3).
  const address =
    ordinaryAddress(addresses[0]) ?? usableAddress(addresses[0], `endpoints[${index}].addresses[0]`, report)
  if (address === undefined) return undefined
  if (familyOf(address) !== family) {
    const fix = `must be of the slice's addressType ${family}; this endpoint is left out`
    report.skipValue(`endpoints[${index}].addresses[0]`, addresses[0], fix)
    return undefined
  }
  const conditions = isRawObject(raw.conditions) ? raw.conditions : undefined
  const hints = isRawObject(raw.hints) ? raw.hints : undefined
  return {
    address,
    ready: condition(conditions, 'ready', true, index, report),
    serving: condition(conditions, 'serving', true, index, report),
    terminating: condition(conditions, 'terminating', false, index, report),
    nodeName: readNodeName(raw, index, report),
    zoneHints: readHints(hints, 'forZones', index, report),
    nodeHints: readHints(hints, 'forNodes', index, report),
  }
}

/** A condition that isn't told is `otherwise`: a missing ready and serving count as true (SEMANTICS 3). */
function condition(
  conditions: RawObject | undefined,
  name: 'ready' | 'serving' | 'terminating',
  otherwise: boolean,
  index: number,
  report: ProblemReport,
): boolean {
  const value = conditions?.[name]
  if (typeof value === 'boolean') return value
  if (value !== undefined && value !== null) {
    const fix = `must be true or false; read as ${otherwise}`
    report.skipValue(`endpoints[${index}].conditions.${name}`, value, fix)
  }
  return otherwise
}

function readNodeName(raw: RawObject, index: number, report: ProblemReport): string {
  const name = raw.nodeName
  if (name === undefined || name === null || name === '') return ''
  if (isObjectName(name)) return interned(name)
  report.skipValue(`endpoints[${index}].nodeName`, name, 'must be the name of a Node; read as unknown')
  return ''
}

/** Names of zones are label values, so whatever fits in one: 63 characters. Those of nodes may be longer. */
function readHints(
  hints: RawObject | undefined,
  field: 'forZones' | 'forNodes',
  index: number,
  report: ProblemReport,
): readonly string[] {
  const list = hints?.[field]
  if (list === undefined || list === null) return noHints
  const only = Array.isArray(list) && list.length === 1 ? hintedName(list[0]) : undefined
  if (only !== undefined) return internedList(only)
  const path = `endpoints[${index}].hints.${field}`
  if (!Array.isArray(list)) {
    report.skipValue(path, list, 'must be a list; read as if it were missing')
    return noHints
  }
  const names: string[] = []
  for (const [position, hint] of list.entries()) {
    const name = hintedName(hint)
    if (name !== undefined) names.push(interned(name))
    else
      report.skipValue(`${path}[${position}]`, hint, 'must be an object with a name; this hint is left out')
  }
  const [first] = names
  if (first === undefined) return noHints
  return names.length === 1 ? internedList(first) : names.slice()
}

function hintedName(hint: unknown): string | undefined {
  const name = isRawObject(hint) ? hint.name : undefined
  return typeof name === 'string' && name !== '' && name.length <= 253 ? name : undefined
}

/** Milliseconds since the epoch. Only the latency metric wants it, so a broken one costs nothing else. */
function readTriggerTime(metadata: RawObject, report: ProblemReport): number | undefined {
  const annotations = metadata.annotations
  const written = isRawObject(annotations) ? annotations[readAnnotations.triggerTime] : undefined
  if (written === undefined || written === null || written === '') return undefined
  const time = typeof written === 'string' ? Date.parse(written) : Number.NaN
  if (Number.isFinite(time)) return time
  const fix = 'must be a time, such as 2026-01-02T03:04:05Z; ignored'
  report.skipValue(`metadata.annotations["${readAnnotations.triggerTime}"]`, written, fix)
  return undefined
}
