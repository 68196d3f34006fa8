import { startupTaint } from '../cluster/parse-node.ts'
import type { NodeRecord } from '../cluster/records.ts'
import type { Logger } from '../log/logger.ts'
import type { ApiReply, ApiRequests } from '../source/cluster-source.ts'
import { type BackoffLimits, backoff } from '../time/backoff.ts'
import { type Clock, pause } from '../time/clock.ts'

/** Between attempts, in milliseconds: what is refused may be granted later. */
const retryLimits: BackoffLimits = { retryMinMs: 500, retryMaxMs: 120_000 }

export interface StartupTaintOptions {
  readonly nodeName: string
  readonly logger: Logger
  readonly clock: Clock
  /** Numbers in [0, 1). */
  readonly random: () => number
}

/** What of a Node is looked at. */
interface NodeObject {
  readonly metadata: { readonly resourceVersion: string }
  readonly spec: { readonly taints?: readonly { readonly key: string }[] }
}

/**
 * Takes the taint off this node by which it was made, once it serves Services: until then it keeps pods away that don't
 * tolerate it. A Node that is made again is tainted again, and is freed again.
 *
 * It writes with the right to patch Nodes, which an admission policy narrows to this taint of the token's own node.
 */
export class StartupTaint {
  readonly #options: StartupTaintOptions
  readonly #stopping = new AbortController()
  #api: ApiRequests | undefined
  #isTainted = false
  #busy = false
  #saidRefused = false

  constructor(options: StartupTaintOptions) {
    this.#options = options
  }

  /** This node's Node object, whenever it comes or changes; `undefined`: it is gone. */
  seen(node: NodeRecord | undefined): void {
    this.#isTainted = node?.startupTaint === true
    this.#begin()
  }

  /** The kernel holds what the cluster asks: from now on the taint is taken away. */
  serves(api: ApiRequests): void {
    this.#api = api
    this.#begin()
  }

  stop(): void {
    this.#stopping.abort()
  }

  #begin(): void {
    if (this.#api === undefined || !this.#isTainted || this.#busy) return
    this.#busy = true
    void this.#untilRemoved(this.#api).finally(() => {
      this.#busy = false
    })
  }

  async #untilRemoved(api: ApiRequests): Promise<void> {
    const { clock, random, nodeName, logger } = this.#options
    const { signal } = this.#stopping
    for (let attempt = 1; !signal.aborted; attempt++) {
      const outcome = await this.#attempt(api).catch(String)
      if (signal.aborted) return
      if (outcome === 'removed')
        logger.info(
          { event: 'startup-taint-removed', node: nodeName, taint: startupTaint },
          `Services work here: the taint ${startupTaint} is taken off Node ${nodeName}`,
        )
      if (outcome === 'removed' || outcome === 'gone') {
        this.#isTainted = false
        this.#saidRefused = false
        return
      }
      // A Node that has changed meanwhile is read again at once.
      if (outcome !== 'changed' && !this.#saidRefused) {
        this.#saidRefused = true
        logger.warn(
          { event: 'startup-taint-stays', node: nodeName, taint: startupTaint, answer: outcome },
          `the taint ${startupTaint} can't be taken off Node ${nodeName}, and is tried again: ${outcome}. ` +
            "The manifests of 'portolan install --startup-taint' grant it, from Kubernetes 1.32 on; " +
            `by hand: kubectl taint node ${nodeName} ${startupTaint}-`,
        )
      }
      await pause(clock, backoff(attempt, retryLimits, random), signal)
    }
  }

  /** @returns what the server says where it doesn't let it happen @throws when no answer came */
  async #attempt(api: ApiRequests): Promise<'removed' | 'gone' | 'changed' | string> {
    const { nodeName } = this.#options
    const { signal } = this.#stopping
    // By a list, which the account may make, rather than a get.
    const query = new URLSearchParams({ fieldSelector: `metadata.name=${nodeName}`, limit: '1' })
    const list = await api.ask({ method: 'GET', path: `/api/v1/nodes?${query}` }, signal)
    if (list.status !== 200) return said(list)
    const [node] = ((list.body ?? {}) as { readonly items?: readonly NodeObject[] }).items ?? []
    const taints = node?.spec.taints ?? []
    const others = taints.filter(({ key }) => key !== startupTaint)
    if (node === undefined || others.length === taints.length) return 'gone'
    const { resourceVersion } = node.metadata
    // The version makes it fail where another has changed the taints meanwhile.
    const patch = { metadata: { resourceVersion }, spec: { taints: others.length === 0 ? null : others } }
    const body = { contentType: 'application/merge-patch+json', text: JSON.stringify(patch) }
    const path = `/api/v1/nodes/${encodeURIComponent(nodeName)}`
    const reply = await api.ask({ method: 'PATCH', path, body }, signal)
    if (reply.status === 200) return 'removed'
    return reply.status === 409 ? 'changed' : said(reply)
  }
}

function said({ status, message }: ApiReply): string {
  return message === '' ? `the API server answered ${status}` : message
}
