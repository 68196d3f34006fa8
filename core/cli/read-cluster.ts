import {
  type ClusterRecord,
  type ObjectProblem,
  type RecordKind,
  recordKinds,
  type Unserved,
} from '../cluster/records.ts'
import type { SourceConfig } from '../config/proxy-config.ts'
import { openSource } from '../proxy/open-source.ts'
import type { ApiRequests, ClusterSink } from '../source/cluster-source.ts'
import { UserError } from './user-error.ts'
import { warningsTo } from './warnings.ts'

/** All of a cluster at one moment. */
export interface ClusterReading {
  readonly records: readonly ClusterRecord[]
  readonly problems: readonly ObjectProblem[]
  /** Valid objects that aren't ours, as far as the source delivers them: an API server leaves out most. */
  readonly unserved: readonly Unserved[]
  /** Kinds that the API server doesn't serve, or doesn't let us read: that none of them came says nothing. */
  readonly unreadable: readonly RecordKind[]
  /** `file cluster.yaml` */
  readonly description: string
}

const timeout = 30_000
const progressAfter = 2_000

/** Milliseconds after a first refusal in which others come. */
const refusalsWithin = 1_000

/**
 * Reads a source once, until all kinds of object are complete.
 *
 * @param nodeName whose Node object is asked of an API server; `undefined`: all of them
 * @param say Takes lines for the operator while it lasts.
 * @param beside what else to ask an API server by the same connection
 * @throws {UserError} when an API server doesn't let this user read a kind that is needed, or its answer isn't complete
 *   after 30 s; and what reading a file throws
 */
export function readCluster(
  config: SourceConfig,
  nodeName: string | undefined,
  say: (line: string) => void,
  beside?: (api: ApiRequests) => Promise<void>,
): Promise<ClusterReading> {
  if (config.from === 'file') return readFile(config.path, say)
  return config.from === 'recording' ? readStart(config.path) : readServer(config, nodeName, say, beside)
}

/** Not by a source, which would wait for a broken file to be fixed. */
async function readFile(path: string, say: (line: string) => void): Promise<ClusterReading> {
  const { readClusterFile } = await import('../source/file/cluster-file.ts')
  const { records, problems, unserved, ignoredKinds } = await readClusterFile(path).catch(
    (cause: NodeJS.ErrnoException) => {
      if (cause.syscall === undefined) throw cause
      const message = `can't read ${path}: ${cause.message.split(',')[0]}`
      throw new UserError(message, { fix: 'check the path and its permissions', cause })
    },
  )
  if (ignoredKinds.length > 0)
    say(`file ${path}: a proxy reads no objects of these kinds: ${ignoredKinds.join(', ')}`)
  return { records: [...records.values()], problems, unserved, unreadable: [], description: `file ${path}` }
}

/** A recording's start; what happened then is for `run`. */
async function readStart(path: string): Promise<ClusterReading> {
  const { readRecording } = await import('../source/recording/index.ts')
  const records: ClusterRecord[] = []
  const problems: ObjectProblem[] = []
  for await (const entry of readRecording(path)) {
    if (entry.is === 'start') records.push(entry.record)
    else if (entry.is === 'problem') problems.push(entry.problem)
    else if (entry.is === 'complete') break
  }
  return { records, problems, unserved: [], unreadable: [], description: `recording ${path}` }
}

async function readServer(
  config: SourceConfig,
  nodeName: string | undefined,
  say: (line: string) => void,
  beside: (api: ApiRequests) => Promise<void> = async () => {},
): Promise<ClusterReading> {
  const source = await openSource(config, nodeName, warningsTo(say))
  const collector = new RecordCollector()
  const begun = performance.now()
  const progress = setInterval(() => {
    const seconds = Math.round((performance.now() - begun) / 1000)
    say(`waiting for ${source.description}: ${collector.awaited.join(', ')} (${seconds} s)`)
  }, progressAfter)
  try {
    await source.start(collector)
    const refused = collector.refused.then((kinds) => Promise.reject(notPermitted(source.description, kinds)))
    await Promise.race([collector.complete, refused, afterTimeout(() => source.description)])
    if (source.api !== undefined) await beside(source.api)
  } finally {
    clearInterval(progress)
    await source.stop()
  }
  return {
    records: [...collector.records.values()],
    problems: collector.problems,
    unserved: collector.unservedObjects,
    unreadable: [...collector.unreadable],
    description: source.description,
  }
}

/** A proxy waits for an administrator; a command says it. */
function notPermitted(description: string, kinds: readonly RecordKind[]): UserError {
  const named = kinds.map((kind) => pluralOf[kind])
  return new UserError(`${description} doesn't let this user read ${named.join(', ')}`, {
    fix: `the lines above have its words. Have list and watch on ${named.length === 1 ? 'it' : 'them'} granted (kubectl auth can-i --list shows what is), or give a kubeconfig of someone who may`,
  })
}

/** As RBAC names them. */
const pluralOf: Readonly<Record<RecordKind, string>> = {
  Service: 'services',
  EndpointSlice: 'endpointslices',
  Node: 'nodes',
  ServiceCIDR: 'servicecidrs',
}

function afterTimeout(description: () => string): Promise<never> {
  return new Promise((_, reject) => {
    const timer = setTimeout(() => {
      const message = `${description()} gave no complete list within ${timeout / 1000} s`
      reject(new UserError(message, { fix: 'see the lines above; is the address right, and may you list?' }))
    }, timeout)
    timer.unref()
  })
}

class RecordCollector implements ClusterSink {
  readonly records = new Map<string, ClusterRecord>()
  readonly problems: ObjectProblem[] = []
  readonly unservedObjects: Unserved[] = []
  readonly unreadable = new Set<RecordKind>()
  readonly #awaited = new Set<RecordKind>(recordKinds)
  readonly #complete = Promise.withResolvers<void>()
  readonly complete = this.#complete.promise
  readonly #refusals = new Set<RecordKind>()
  readonly #refused = Promise.withResolvers<readonly RecordKind[]>()
  /** Kinds that are awaited and may not be read, when it is known of all that are. */
  readonly refused = this.#refused.promise
  #waitsForOthers = false

  get awaited(): readonly RecordKind[] {
    return [...this.#awaited]
  }

  set(record: ClusterRecord): void {
    this.records.set(`${record.kind} ${record.key}`, record)
  }

  remove(kind: RecordKind, key: string): void {
    this.records.delete(`${kind} ${key}`)
  }

  synced(kind: RecordKind): void {
    this.#awaited.delete(kind)
    if (this.#awaited.size === 0) this.#complete.resolve()
  }

  readable(kind: RecordKind, readable: boolean): void {
    if (readable) this.unreadable.delete(kind)
    else this.unreadable.add(kind)
  }

  failing(kind: RecordKind, _code: string | undefined, refusal?: string): void {
    if (refusal === undefined) this.#refusals.delete(kind)
    else this.#refusals.add(kind)
    if (this.awaited.every((one) => this.#refusals.has(one))) this.#tellRefused()
    else if (refusal !== undefined && !this.#waitsForOthers) {
      this.#waitsForOthers = true
      setTimeout(() => {
        this.#waitsForOthers = false
        this.#tellRefused()
      }, refusalsWithin).unref()
    }
  }

  #tellRefused(): void {
    const kinds = this.awaited.filter((kind) => this.#refusals.has(kind))
    if (kinds.length > 0) this.#refused.resolve(kinds)
  }

  problem(problem: ObjectProblem): void {
    this.problems.push(problem)
  }

  unserved(object: Unserved): void {
    this.unservedObjects.push(object)
  }
}
