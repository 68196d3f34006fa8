import { WorkerProcess } from '../worker-process/worker-process.ts'
import type { ClusterChange } from './cluster-change.ts'
import type { ClusterSpec } from './cluster-spec.ts'
import type { ProbeName } from './probe-services.ts'

/** Where the API server is, for whatever program. */
export interface ApiServerAddress {
  readonly host: string
  readonly port: number
  /** With `token` and `ca.crt`, as in a pod; absent: this server isn't ours, and the kubeconfig leads there. */
  readonly serviceAccountDirectory?: string
  /** Path of a kubeconfig file. */
  readonly kubeconfig: string
  /** ClusterIPs of the probe Services. */
  readonly probes: Readonly<Record<ProbeName, string>>
}

/** A write that was made: when, by `monotonic`, and how many of its events are traced. */
export interface Written {
  readonly sentAt: number
  readonly events: number
}

/** What was played of a recording. */
export interface Replayed {
  /** All events. */
  readonly events: number
  /** How many of them are traced. */
  readonly traced: number
  readonly seconds: number
  /** What of the file isn't in it. */
  readonly warnings: readonly string[]
}

/** What the API server's process can be asked. */
export interface ApiServerCalls {
  /**
   * Writes this cluster and the probe Services. Again with the same one, the cluster stays as it is.
   * @param networkNamespace as a path: from where a given server is asked next; absent: from where it is. The embedded
   *   one is asked from its own
   */
  load(spec: ClusterSpec, networkNamespace?: string): Promise<ApiServerAddress>
  /** Writes the objects that a change scenario needs besides the cluster; returns the number of events. */
  prepare(scenario: string): Promise<number>
  /** Removes them. */
  tidy(scenario: string): Promise<number>
  /** Makes one turn of a change scenario. */
  change(scenario: string, turn: number, length: number): Promise<Written>
  /** Writes and removes any objects. */
  write(change: ClusterChange): Promise<Written>
  /** Gives a probe Service another pod of the remote node as its only endpoint. */
  pointProbe(which: ProbeName, pod: number): Promise<Written>
  /** Replaces endpoints at a rate, all over the cluster; returns when each was written. Nothing puts them back. */
  churn(perSecond: number, seconds: number): Promise<number[]>
  /** Adds a Service whose endpoint answers, or takes it away again. @param number 0 to 253 */
  addProbe(number: number): Promise<Written>
  removeProbe(number: number): Promise<Written>
  /** Plays a recording's events, so many times as fast; resolves after the last. @throws when the cluster isn't recorded */
  replay(speed: number): Promise<Replayed>
  /** Removes what was written, where that isn't gone with the server; returns what could not be removed, a line each. */
  release(): Promise<readonly string[]>
  /** What it has cost so far. */
  cost(): Promise<ApiServerCost>
}

/** Since its start. A given API server tells its CPU time in hundredths of a second. */
export interface ApiServerCost {
  /** Absent: the server doesn't tell it, or not to this user. */
  readonly cpuMs?: number
  /** Sent to the node; absent: not counted. */
  readonly sentBytes?: number
}

export type ApiServerProcess = WorkerProcess<ApiServerCalls>

/** The API server is a process of its own, so that its costs are not those of the one who is measured. */
export function startApiServer(networkNamespace?: string): ApiServerProcess {
  return new WorkerProcess<ApiServerCalls>({
    module: new URL('./api-server-process.ts', import.meta.url),
    // Its collector would take from the one who is measured the time of the other cores.
    flags: ['--max-semi-space-size=64'],
    ...(networkNamespace === undefined ? {} : { networkNamespace }),
  })
}

/** A given API server in the place of ours. At its end what was written there is removed. */
export function openApiServer(kubeconfig: string): ApiServerProcess {
  return new WorkerProcess<ApiServerCalls>({
    module: new URL('./given-api-server-process.ts', import.meta.url),
    args: [kubeconfig],
  })
}
