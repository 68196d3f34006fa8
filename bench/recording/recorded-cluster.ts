import type { ApiObject } from '@portolan/api-server'
import type { ClusterRecord, NodeRecord, ObjectProblem } from '@portolan/core/cluster'
import {
  chooseNodeLoad,
  nodeLoads,
  type RecordingEntry,
  type RecordRewriter,
  readRecording,
} from '@portolan/core/source'
import type { BenchCluster } from '../cluster/bench-cluster.ts'
import type { ClusterShape } from '../cluster/generated-cluster.ts'
import { thisNode } from '../cluster/probe-services.ts'
import { BenchError } from '../command/bench-error.ts'
import { plural } from '../report/quantity.ts'
import { apartFromLab, isInLab } from './lab-addresses.ts'
import { servedObject } from './served-object.ts'

/** Which recording, and which of its nodes: `most`, `median`, or a name. */
export interface RecordingChoice {
  readonly path: string
  readonly node: string
}

/** A change of the cluster that was recorded: when, in seconds since the start, and what. */
export type RecordedEvent =
  | { readonly at: number; readonly write: ApiObject }
  | { readonly at: number; readonly remove: ApiObject }

/** What was there at the start, and what of it can't be used. */
interface Start {
  readonly records: readonly ClusterRecord[]
  readonly problems: readonly ObjectProblem[]
}

/**
 * A recorded cluster on the lab's node, which takes the place of one of the cluster's: its endpoints are local ones, and
 * its zone is the lab's. Where its Services have addresses of the lab's, all of it gets others. The other Nodes and the
 * ServiceCIDRs stay away: the first are nothing to a proxy, and the second could hold the lab's own addresses, which would
 * be dropped then.
 */
export class RecordedCluster implements BenchCluster {
  readonly shape: ClusterShape
  /** The node that is measured, as the recording calls it. */
  readonly node: string
  readonly zone: string | undefined
  /** Services that have an address of the lab's all the same, and are left out with their endpoints. */
  readonly leftOut: ReadonlySet<string>
  readonly #path: string
  /** Values in it that can't be used, so far. */
  #problems = 0
  #firstProblem: ObjectProblem | undefined
  #torn: string | undefined
  readonly #addresses: RecordRewriter
  readonly #records: readonly ClusterRecord[]
  readonly #rest: AsyncGenerator<RecordingEntry>
  #played = false

  private constructor(
    path: string,
    { records, problems }: Start,
    rest: AsyncGenerator<RecordingEntry>,
    node: string,
  ) {
    this.#path = path
    this.node = node
    const own = records.find((record): record is NodeRecord => record.kind === 'Node' && record.key === node)
    this.zone = own?.zone || undefined
    this.#addresses = apartFromLab(records)
    const moved = records.map((record) => this.#addresses.rewrite(record))
    this.leftOut = new Set(moved.filter(isInLab).map(({ key }) => key))
    this.#records = moved.filter((record) => this.#concerns(record))
    this.#rest = rest
    this.shape = shapeOf(this.#records)
    for (const problem of problems) this.#note(problem)
  }

  /** What of the file isn't measured, so far as it was read: a sentence each. */
  get warnings(): string[] {
    const warnings: string[] = []
    const [one, two, ...more] = this.leftOut
    if (one !== undefined) {
      const named = [one, ...(two === undefined ? [] : [two]), ...(more.length === 0 ? [] : ['...'])].join(
        ', ',
      )
      const why = 'their addresses are those of the lab itself, so they are left out with their endpoints'
      warnings.push(`${this.#path}: of ${this.leftOut.size} Services (${named}) ${why}`)
    }
    if (this.#firstProblem !== undefined) {
      const { kind, object, field, value, fix } = this.#firstProblem
      const first = `${kind} ${object}: ${field} ${value}: ${fix}`
      warnings.push(`${this.#path}: ${plural(this.#problems, 'value')} can't be used; the first is ${first}`)
    }
    if (this.#torn !== undefined) warnings.push(this.#torn)
    return warnings
  }

  /** @throws RecordingError for a file that is none, BenchError for a node that isn't in it */
  static async open({ path, node }: RecordingChoice): Promise<RecordedCluster> {
    const entries = readRecording(path)
    const records: ClusterRecord[] = []
    const problems: ObjectProblem[] = []
    for (let next = await entries.next(); !next.done; next = await entries.next()) {
      if (next.value.is === 'start') records.push(next.value.record)
      if (next.value.is === 'problem') problems.push(next.value.problem)
      if (next.value.is === 'complete') break
    }
    const loads = nodeLoads(records)
    const chosen = chooseNodeLoad(loads, node)
    if (chosen === undefined) {
      const some = loads.slice(0, 5).map((load) => load.node)
      throw new BenchError(
        `${path} has no node '${node}'`,
        `--node takes most, median, or one of ${some.join(', ')}, ...`,
        2,
      )
    }
    return new RecordedCluster(path, { records, problems }, entries, chosen.node)
  }

  *objects(): Generator<ApiObject> {
    for (const record of this.#records) yield servedObject(this.#placed(record))
  }

  /** What happened after the start, once: it is read from the file as it is asked for. */
  async *events(): AsyncGenerator<RecordedEvent> {
    if (this.#played) throw new Error('the events of a recording are played once')
    this.#played = true
    for await (const entry of this.#rest) {
      if (entry.is === 'set') {
        const record = this.#addresses.rewrite(entry.record)
        if (this.#concerns(record)) yield { at: entry.at, write: servedObject(this.#placed(record)) }
      } else if (entry.is === 'remove' && (entry.kind === 'Service' || entry.kind === 'EndpointSlice')) {
        const [namespace = '', name = ''] = entry.key.split('/')
        yield { at: entry.at, remove: { kind: entry.kind, metadata: { namespace, name } } }
      } else if (entry.is === 'problem') {
        this.#note(entry.problem)
      } else if (entry.is === 'end') {
        this.#torn = entry.torn
      }
    }
  }

  #note(problem: ObjectProblem): void {
    this.#problems += 1
    this.#firstProblem ??= problem
  }

  async close(): Promise<void> {
    await this.#rest.return(undefined)
  }

  #concerns(record: ClusterRecord): boolean {
    if (record.kind === 'Service') return !this.leftOut.has(record.key) && !isInLab(record)
    return record.kind === 'EndpointSlice' && !this.leftOut.has(record.serviceKey)
  }

  /** The same, with the lab's node in the place of the chosen one. */
  #placed(record: ClusterRecord): ClusterRecord {
    if (record.kind !== 'EndpointSlice') return record
    return {
      ...record,
      endpoints: record.endpoints.map((endpoint) => ({
        ...endpoint,
        nodeName: endpoint.nodeName === this.node ? thisNode : endpoint.nodeName,
        nodeHints: endpoint.nodeHints.map((hint) => (hint === this.node ? thisNode : hint)),
      })),
    }
  }
}

/** How many endpoints a Service has on average stands for how many each has. */
function shapeOf(records: readonly ClusterRecord[]): ClusterShape {
  let services = 0
  let endpoints = 0
  for (const record of records) {
    if (record.kind === 'Service') services += 1
    else if (record.kind === 'EndpointSlice') endpoints += record.endpoints.length
  }
  return { services, endpointsPerService: services === 0 ? 0 : Math.round(endpoints / services) }
}
