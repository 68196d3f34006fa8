import { createHash } from 'node:crypto'
import { type ClusterEvent, seriesKey } from './cluster-event.ts'

/** What kube-apiserver takes: characters of a note, of a reporting instance, and of an object's name. */
const limits = { note: 1024, instance: 128, name: 253 } as const

const controller = 'portolan'

export interface Reporter {
  readonly nodeName: string
  /** Tells its events of the same moment apart. */
  readonly serial: number
}

/** An object of `events.k8s.io/v1`, and where it belongs. */
export interface EventObject {
  readonly namespace: string
  readonly name: string
  readonly body: object
}

/**
 * The Event as it is created. One that the cluster has once is named by what it says, so that the API server takes it of
 * one node alone; any other by who says it, and when.
 *
 * @param at milliseconds since the epoch
 * @param uid of the object that it is about, where it is known
 */
export function eventObject(
  event: ClusterEvent,
  reporter: Reporter,
  at: number,
  uid: string | undefined,
): EventObject {
  const { regarding, type, reason, action, note, oncePerCluster } = event
  const instance = shortened(`${controller}-${reporter.nodeName}`, limits.instance)
  const told = oncePerCluster === true ? [] : [instance, at, reporter.serial]
  const name = eventName(regarding.name, JSON.stringify([seriesKey(event), ...told]))
  // Events about objects of the cluster are in this namespace, whoever tells them.
  const namespace = regarding.kind === 'Node' ? 'default' : regarding.namespace
  const body = {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace },
    eventTime: microTime(at),
    reportingController: controller,
    reportingInstance: instance,
    type,
    reason,
    action,
    note: shortened(note, limits.note),
    regarding: { apiVersion: 'v1', ...regarding, ...(uid === undefined ? {} : { uid }) },
  }
  return { namespace, name, body }
}

/** What makes a series of an Event that has happened again. `at`: the last time, in milliseconds since the epoch. */
export function seriesPatch(count: number, at: number): object {
  return { series: { count, lastObservedTime: microTime(at) } }
}

/** The object's name, as with other components, and a hash; together a DNS subdomain. */
function eventName(about: string, content: string): string {
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 16)
  const start = about.slice(0, limits.name - hash.length - 1).replace(/[^a-z0-9]+$/, '')
  return `${start}.${hash}`
}

/** The API's MicroTime, which has microseconds. */
function microTime(at: number): string {
  return new Date(at).toISOString().replace('Z', '000Z')
}

/** At most so many bytes of UTF-8, which is what the API server counts. */
function shortened(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text
  const cut = Buffer.from(text)
    .subarray(0, bytes - 3)
    .toString('utf8')
  return `${cut.replace(/\ufffd+$/, '')}…`
}
