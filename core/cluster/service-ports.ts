import { type Protocol, protocols } from '../network/protocol.ts'
import { interned } from './interned.ts'
import type { ProblemReport } from './problem-report.ts'
import { isRawObject, isWholeNumber, listField, type RawObject } from './raw-object.ts'
import type { ServicePort } from './records.ts'

/** Port names are DNS labels; so they never contain what route keys use to separate their parts. */
const portName = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

/** Whether a port may have this name. The empty one is that of a single port. */
export function isPortName(value: unknown): value is string {
  return typeof value === 'string' && (value === '' || portName.test(value))
}

/** A protocol that is left out is TCP; `undefined` for an unknown one. */
export function readProtocol(value: unknown): Protocol | undefined {
  if (value === undefined || value === null || value === '') return 'TCP'
  return protocols.find((known) => known === value)
}

/**
 * The ports of a Service. One that can't be used is left out and the others stay. Name and protocol together are a
 * port's identity (SEMANTICS 2), so of two with the same the first one counts.
 *
 * @param wantsNodePorts its type is NodePort, so an API server has given each port one
 */
export function parseServicePorts(
  spec: RawObject,
  wantsNodePorts: boolean,
  report: ProblemReport,
): readonly ServicePort[] {
  const ports: ServicePort[] = []
  for (const [index, raw] of listField(spec, 'ports', 'spec.ports', report).entries()) {
    const port = parseServicePort(raw, `spec.ports[${index}]`, wantsNodePorts, report)
    if (port === undefined) continue
    if (ports.some((other) => other.name === port.name && other.protocol === port.protocol)) {
      report.skipValue(
        `spec.ports[${index}].name`,
        port.name,
        'must differ from the other ports; this one is left out',
      )
    } else {
      ports.push(port)
    }
  }
  return ports
}

function parseServicePort(
  raw: unknown,
  path: string,
  wantsNodePort: boolean,
  report: ProblemReport,
): ServicePort | undefined {
  if (!isRawObject(raw)) {
    report.skipValue(path, raw, 'must be an object with a port; this port is left out')
    return undefined
  }
  const name = raw.name ?? ''
  if (!isPortName(name)) {
    report.skipValue(
      `${path}.name`,
      name,
      'must be a DNS label of at most 63 characters; this port is left out',
    )
    return undefined
  }
  const protocol = readProtocol(raw.protocol)
  if (protocol === undefined) {
    report.skipValue(`${path}.protocol`, raw.protocol, 'must be TCP, UDP or SCTP; this port is left out')
    return undefined
  }
  const port = raw.port
  if (!isWholeNumber(port, 1, 65_535)) {
    report.skipValue(`${path}.port`, port, 'must be 1 to 65535; this port is left out')
    return undefined
  }
  return { name: interned(name), protocol, port, nodePort: readNodePort(raw, path, wantsNodePort, report) }
}

function readNodePort(raw: RawObject, path: string, wanted: boolean, report: ProblemReport): number {
  const nodePort = raw.nodePort ?? 0
  if (nodePort === 0 && wanted) {
    const fix =
      'must be the port that an API server would allocate for type NodePort; the port has no NodePort'
    report.skipValue(`${path}.nodePort`, raw.nodePort, fix)
    return 0
  }
  if (isWholeNumber(nodePort, 0, 65_535)) return nodePort
  report.skipValue(`${path}.nodePort`, nodePort, 'must be 1 to 65535; the port has no NodePort')
  return 0
}
