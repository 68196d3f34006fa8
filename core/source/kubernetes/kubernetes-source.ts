import type { ClusterRecord } from '../../cluster/records.ts'
import type { Logger } from '../../log/logger.ts'
import { type Clock, systemClock } from '../../time/clock.ts'
import type {
  ApiQuestion,
  ApiReply,
  ApiRequests,
  ClusterSink,
  ClusterSource,
  SourceProgress,
} from '../cluster-source.ts'
import type { ApiObserver } from './api-observer.ts'
import { ChildAbort } from './connection/child-abort.ts'
import { atServer } from './credentials/at-server.ts'
import type { CredentialSource } from './credentials/credentials.ts'
import { inClusterCredentials } from './credentials/in-cluster.ts'
import { kubeconfigCredentials } from './credentials/kubeconfig.ts'
import type { AnswerForms } from './requests/answer-form.ts'
import { readReply } from './requests/api-answer.ts'
import { ApiClient } from './requests/api-client.ts'
import type { Resource } from './requests/resource.ts'
import { defaultTimings, type Timings } from './timings.ts'
import { Recovery } from './watch/recovery.ts'
import { Reflector } from './watch/reflector.ts'
import {
  nodeResource,
  serviceCidrResource,
  serviceResource,
  sliceResource,
} from './watch/watched-resources.ts'

export interface KubernetesSourceOptions {
  /** Path of a kubeconfig file, of which the current context is used. Absent: the pod's service account. */
  readonly kubeconfig?: string
  /** URL of the API server, in place of the one that these name. */
  readonly server?: string
  /** Whose Node object is watched. Absent: all of them, which only a recording wants. */
  readonly nodeName?: string
  readonly logger: Logger
  /** Takes the place of kubeconfig and service account. */
  readonly credentials?: CredentialSource
  /** Where `KUBERNETES_SERVICE_HOST` is looked up. Default: the process's environment. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** Where the service account's `token` and `ca.crt` are. Default: where the kubelet mounts them. */
  readonly serviceAccountDirectory?: string
  readonly clock?: Clock
  /** Numbers in [0, 1). Default: `Math.random`. */
  readonly random?: () => number
  /** What differs from {@link defaultTimings}. */
  readonly timings?: Partial<Timings>
  readonly observer?: ApiObserver
  /**
   * In which forms lists and watches are asked for. Default `protobuf`: that, or JSON where the server doesn't speak it;
   * about half of the bytes, and half of the server's time.
   */
  readonly forms?: AnswerForms
}

/** Cluster state from a Kubernetes API server: lists and watches what SEMANTICS 1 names. */
export function kubernetesSource(options: KubernetesSourceOptions): ClusterSource {
  return new KubernetesSource(options)
}

class KubernetesSource implements ClusterSource {
  readonly #options: KubernetesSourceOptions
  readonly #stopping = new AbortController()
  #client: ApiClient | undefined
  #reflectors: { readonly progress: SourceProgress | undefined }[] = []
  /** Of all reflectors, until one of them has moved: asked for with each change of the cluster, once for each family. */
  #progress: readonly SourceProgress[] | undefined
  #running: Promise<void>[] = []
  #description: string

  constructor(options: KubernetesSourceOptions) {
    this.#options = options
    this.#description =
      options.kubeconfig === undefined ? 'service account' : `kubeconfig ${options.kubeconfig}`
  }

  /** Names the server once it is known, that is after `start`. */
  get description(): string {
    return this.#description
  }

  get api(): ApiRequests {
    return { ask: (question, signal) => this.#ask(question, signal) }
  }

  get progress(): readonly SourceProgress[] {
    if (this.#progress !== undefined) return this.#progress
    const all: SourceProgress[] = []
    for (const { progress } of this.#reflectors) if (progress !== undefined) all.push(progress)
    this.#progress = all
    return all
  }

  /** Throws CredentialConfigError for a kubeconfig or an environment that leads nowhere. */
  async start(sink: ClusterSink): Promise<void> {
    if (this.#client !== undefined) throw new Error('a source is started once')
    const { logger, nodeName, observer, forms = 'protobuf' } = this.#options
    const observing = observer === undefined ? {} : { observer }
    const clock = this.#options.clock ?? systemClock
    const timings = { ...defaultTimings, ...this.#options.timings }
    const named = await this.#credentials()
    const { server } = this.#options
    const credentials = server === undefined ? named : atServer(named, server)
    this.#description = credentials.description
    const random = this.#options.random ?? Math.random
    const recovery = new Recovery(clock)
    const onConnected = () => {
      observer?.onConnected?.()
      recovery.gotThrough()
    }
    const client = new ApiClient({ credentials, clock, random, timings, logger, onConnected, ...observing })
    this.#client = client
    const run = <R extends ClusterRecord>(resource: Resource<R>) => {
      const onMoved = () => {
        this.#progress = undefined
      }
      const common = { resource, client, sink, clock, random, timings, logger, recovery, forms, onMoved }
      const reflector = new Reflector({ ...common, ...observing })
      this.#reflectors.push(reflector)
      this.#running.push(reflector.run(this.#stopping.signal))
    }
    run(serviceResource)
    run(sliceResource)
    run(nodeResource(nodeName))
    run(serviceCidrResource)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#client?.close()
    await Promise.all(this.#running)
  }

  async #ask(question: ApiQuestion, signal: AbortSignal): Promise<ApiReply> {
    if (this.#client === undefined) throw new Error('a source is asked after its start')
    const { clock = systemClock } = this.#options
    using limited = new ChildAbort(AbortSignal.any([signal, this.#stopping.signal]))
    const { responseTimeoutMs } = { ...defaultTimings, ...this.#options.timings }
    const cancel = clock.after(responseTimeoutMs, () => limited.abort())
    try {
      return await readReply(await this.#client.send(question, limited.signal))
    } finally {
      cancel()
    }
  }

  async #credentials(): Promise<CredentialSource> {
    const { credentials, kubeconfig, environment, serviceAccountDirectory: directory } = this.#options
    if (credentials !== undefined) return credentials
    if (kubeconfig !== undefined) return kubeconfigCredentials(kubeconfig)
    return inClusterCredentials({
      environment: environment ?? process.env,
      ...(directory === undefined ? {} : { directory }),
    })
  }
}
