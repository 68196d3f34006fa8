import { type Address, type Cidr, familyOf, ipFamilies, parseCidr } from '../network/address.ts'
import type { Parsed } from './parsed.ts'
import { ProblemReport } from './problem-report.ts'
import {
  isRawObject,
  isWholeNumber,
  listField,
  objectField,
  type RawObject,
  readIdentity,
  wordField,
} from './raw-object.ts'
import type { ServiceRecord, Unserved } from './records.ts'
import { parseServicePorts } from './service-ports.ts'
import { usableAddress } from './usable-address.ts'
import { readLabels } from './well-known.ts'

/** The API server's default, in seconds (3 hours), and its bound (a day). */
const defaultAffinitySeconds = 10_800
const maxAffinitySeconds = 86_400

const noAddresses: readonly Address[] = []
const noRanges: readonly Cidr[] = []

/**
 * Reads a Service. Valid but not ours, so without a record and without a problem: one with the label of another proxy,
 * a headless one, one of type ExternalName (SEMANTICS 1, 2). Fields that are left out have the API's defaults; what an
 * API server allocates (a ClusterIP, NodePorts) has none, so it is told when it is missing.
 */
export function parseService(raw: unknown): Parsed<ServiceRecord> {
  const { key, metadata, labels, report } = readIdentity('Service', raw, true)
  const absent = (): Parsed<ServiceRecord> => ({ key, record: undefined, problems: report.problems })
  if (key === '' || !isRawObject(raw)) return absent()
  const unserved = (why: Unserved['why']): Parsed<ServiceRecord> => ({
    ...absent(),
    unserved: { kind: 'Service', object: key, why, addresses: addressesOf(raw) },
  })
  if (Object.hasOwn(labels, readLabels.otherProxy)) return unserved('otherProxy')
  const spec = raw.spec
  if (!isRawObject(spec)) {
    report.skipObject('spec', spec, 'must be an object; the Service is left out')
    return absent()
  }
  const type = wordField(spec, 'type', 'spec.type', serviceTypes, 'ClusterIP', report)
  if (type === 'ExternalName') return unserved('externalName')
  if (isHeadless(spec)) return unserved('headless')
  const clusterIPs = readClusterIPs(spec, report)
  if (clusterIPs.length === 0) {
    if (report.problems.length === 0) report.skipObject('spec.clusterIP', spec.clusterIP, missingClusterIP)
    return absent()
  }

  const externalTrafficPolicy = policy(spec, 'externalTrafficPolicy', report)
  const sourceRanges = readSourceRanges(spec, report)
  const affinitySeconds = readAffinity(spec, report)
  const checksHealth = type === 'LoadBalancer' && externalTrafficPolicy === 'Local'
  const record: ServiceRecord = {
    kind: 'Service',
    key,
    createdAt: readCreation(metadata),
    clusterIPs,
    externalIPs: readAddresses(spec, 'externalIPs', 'spec.externalIPs', report),
    loadBalancerIPs: readLoadBalancerIPs(raw, report).filter(
      (address) => !sourceRanges.closed.has(familyOf(address)),
    ),
    sourceRanges: sourceRanges.ranges,
    ports: parseServicePorts(spec, type === 'NodePort', report),
    internalTrafficPolicy: policy(spec, 'internalTrafficPolicy', report),
    externalTrafficPolicy,
    ...(affinitySeconds === undefined ? {} : { affinitySeconds }),
    healthCheckNodePort: checksHealth ? readHealthCheckNodePort(spec, report) : 0,
  }
  return { key, record, problems: report.problems }
}

const missingClusterIP =
  'must be an address of the ClusterIP range, which an API server allocates and a file has to name, or None for a ' +
  'headless Service; the Service is left out'

/** Where people look for a Service that isn't ours. Its problems are none of ours either. */
function addressesOf(raw: RawObject): readonly Address[] {
  const spec = isRawObject(raw.spec) ? raw.spec : {}
  const unheard = new ProblemReport('Service', '')
  return [
    ...readClusterIPs(spec, unheard),
    ...readAddresses(spec, 'externalIPs', 'spec.externalIPs', unheard),
    ...readLoadBalancerIPs(raw, unheard),
  ]
}

const serviceTypes = ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'] as const

function isHeadless(spec: RawObject): boolean {
  const list = spec.clusterIPs
  return spec.clusterIP === 'None' || (Array.isArray(list) && list.includes('None'))
}

function policy(spec: RawObject, field: string, report: ProblemReport): 'Cluster' | 'Local' {
  return wordField(spec, field, `spec.${field}`, ['Cluster', 'Local'], 'Cluster', report)
}

/** At most one per family. An address that isn't of the family it is listed under is left out. */
function readClusterIPs(spec: RawObject, report: ProblemReport): readonly Address[] {
  const list = listField(spec, 'clusterIPs', 'spec.clusterIPs', report)
  const families = listField(spec, 'ipFamilies', 'spec.ipFamilies', report)
  const single = spec.clusterIP ?? ''
  const written = list.length > 0 ? list : single === '' ? [] : [single]
  const found: Address[] = []
  for (const [index, value] of written.slice(0, 2).entries()) {
    const path = list.length > 0 ? `spec.clusterIPs[${index}]` : 'spec.clusterIP'
    const address = usableAddress(value, path, report)
    if (address === undefined) continue
    const family = familyOf(address)
    if (families.length > 0 && families[index] !== family) {
      report.skipValue(path, value, `must be of the family that spec.ipFamilies[${index}] names`)
    } else if (found.some((other) => familyOf(other) === family)) {
      report.skipValue(path, value, `must be the only ${family} address`)
    } else {
      found.push(address)
    }
  }
  return found.length > 0 ? found : noAddresses
}

/** Empty strings are legal and mean nothing; a repeated address counts once. */
function readAddresses(
  from: RawObject,
  field: string,
  path: string,
  report: ProblemReport,
): readonly Address[] {
  const found = new Set<Address>()
  for (const [index, value] of listField(from, field, path, report).entries()) {
    if (value === '') continue
    const address = usableAddress(value, `${path}[${index}]`, report)
    if (address !== undefined) found.add(address)
  }
  return found.size > 0 ? [...found] : noAddresses
}

/** Addresses of ipMode VIP, the default. With ipMode Proxy the load balancer wants to see the traffic itself. */
function readLoadBalancerIPs(raw: RawObject, report: ProblemReport): readonly Address[] {
  const status = objectField(raw, 'status', 'status', report)
  const loadBalancer = objectField(status, 'loadBalancer', 'status.loadBalancer', report)
  const path = 'status.loadBalancer.ingress'
  const found = new Set<Address>()
  for (const [index, entry] of listField(loadBalancer, 'ingress', path, report).entries()) {
    if (!isRawObject(entry)) {
      report.skipValue(`${path}[${index}]`, entry, 'must be an object with an ip or a hostname')
      continue
    }
    const { ip, ipMode } = entry
    if (ip === undefined || ip === null || ip === '') continue
    if (ipMode === 'Proxy') continue
    if (ipMode !== undefined && ipMode !== null && ipMode !== 'VIP') {
      report.skipValue(`${path}[${index}].ipMode`, ipMode, 'must be VIP or Proxy; this address is left out')
      continue
    }
    const address = usableAddress(ip, `${path}[${index}].ip`, report, 'linkLocalAllowed')
    if (address !== undefined) found.add(address)
  }
  return found.size > 0 ? [...found] : noAddresses
}

interface SourceRanges {
  readonly ranges: readonly Cidr[]
  /** Families in which the load balancer addresses are left out. */
  readonly closed: ReadonlySet<'IPv4' | 'IPv6'>
}

const nothingClosed: ReadonlySet<'IPv4' | 'IPv6'> = new Set()

/**
 * A family without any range is open to every client (SEMANTICS 7), so a range that can't be read must not count as not
 * written: where a broken range leaves a family without any, its load balancer addresses are closed instead.
 */
function readSourceRanges(spec: RawObject, report: ProblemReport): SourceRanges {
  const path = 'spec.loadBalancerSourceRanges'
  const list = listField(spec, 'loadBalancerSourceRanges', path, report)
  const ranges = new Set<Cidr>()
  const written = spec.loadBalancerSourceRanges ?? []
  let broken = !Array.isArray(written)
  for (const [index, value] of list.entries()) {
    const text = typeof value === 'string' ? value.trim() : undefined
    if (text === '') continue
    const cidr = text === undefined ? undefined : parseCidr(text)
    if (cidr !== undefined) {
      ranges.add(cidr)
      continue
    }
    broken = true
    report.skipValue(
      `${path}[${index}]`,
      value,
      'must be a CIDR, such as 203.0.113.0/24; a family left without any range has its load balancer addresses closed',
    )
  }
  if (!broken) return { ranges: ranges.size > 0 ? [...ranges] : noRanges, closed: nothingClosed }
  const named = new Set([...ranges].map(familyOf))
  return { ranges: [...ranges], closed: new Set(ipFamilies.filter((family) => !named.has(family))) }
}

/** Seconds, or `undefined` for no affinity. */
function readAffinity(spec: RawObject, report: ProblemReport): number | undefined {
  const affinity = wordField(
    spec,
    'sessionAffinity',
    'spec.sessionAffinity',
    ['None', 'ClientIP'],
    'None',
    report,
  )
  if (affinity === 'None') return undefined
  const config = objectField(spec, 'sessionAffinityConfig', 'spec.sessionAffinityConfig', report)
  const clientIP = objectField(config, 'clientIP', 'spec.sessionAffinityConfig.clientIP', report)
  const seconds = clientIP.timeoutSeconds
  if (seconds === undefined || seconds === null) return defaultAffinitySeconds
  if (isWholeNumber(seconds, 1, maxAffinitySeconds)) return seconds
  report.skipValue(
    'spec.sessionAffinityConfig.clientIP.timeoutSeconds',
    seconds,
    `must be 1 to ${maxAffinitySeconds} seconds; read as ${defaultAffinitySeconds}`,
  )
  return defaultAffinitySeconds
}

function readHealthCheckNodePort(spec: RawObject, report: ProblemReport): number {
  const port = spec.healthCheckNodePort
  if (port === undefined || port === null) return 0
  if (isWholeNumber(port, 0, 65_535)) return port
  report.skipValue('spec.healthCheckNodePort', port, 'must be a port, 1 to 65535; none is served')
  return 0
}

/** Seconds since the epoch; 0 when it isn't told, which a file seldom does. YAML may have made it a date already. */
function readCreation(metadata: RawObject): number {
  const written = metadata.creationTimestamp
  const time =
    typeof written === 'string' ? Date.parse(written) : written instanceof Date ? written.getTime() : 0
  return Number.isFinite(time) && time > 0 ? Math.floor(time / 1000) : 0
}
