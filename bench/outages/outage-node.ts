import { WorkerProcess } from '../worker-process/worker-process.ts'

export interface NodeCalls {
  /** Starts watching; resolves when all lists are complete. */
  watch(kubeconfig: string): Promise<void>
}

/** A Service that the node has been told of. `at`: by `monotonic`. */
export interface ServiceNews {
  /** `namespace/name` */
  readonly service: string
  readonly there: boolean
  readonly at: number
}

/** A node's watch client, and what it was told last of each Service. */
export class OutageNode implements AsyncDisposable {
  readonly #worker: WorkerProcess<NodeCalls>
  readonly #news = new Map<string, ServiceNews>()
  #onNews = () => {}

  private constructor(networkNamespace: string | undefined) {
    this.#worker = new WorkerProcess<NodeCalls>(
      {
        module: new URL('./node-process.ts', import.meta.url),
        ...(networkNamespace === undefined ? {} : { networkNamespace }),
      },
      (message) => {
        const news = message as ServiceNews
        this.#news.set(news.service, news)
        this.#onNews()
      },
    )
  }

  static async start(kubeconfig: string, networkNamespace?: string): Promise<OutageNode> {
    const node = new OutageNode(networkNamespace)
    await node.#worker.call('watch', kubeconfig)
    return node
  }

  /** Resolves with the time at which it was told that the Service is there, or that it is gone. */
  async told(service: string, there: boolean, limitMs = 120_000): Promise<number> {
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(
      () => late.reject(new Error(`${service}: not ${there ? 'there' : 'gone'} within ${limitMs / 1000} s`)),
      limitMs,
    )
    try {
      for (;;) {
        const news = this.#news.get(service)
        if (news?.there === there) return news.at
        const next = new Promise<void>((resolve) => {
          this.#onNews = resolve
        })
        await Promise.race([next, late.promise])
      }
    } finally {
      clearTimeout(timer)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.end()
  }
}
