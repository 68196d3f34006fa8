import type { NodeRecord } from '../cluster/records.ts'
import type { Logger } from '../log/logger.ts'

/** Tells what becomes of this node's Node object, all of which is followed: kube-proxy 1.37 ends for it. */
export class NodeLog {
  readonly #nodeName: string
  readonly #logger: Logger
  /** As last read, and not forgotten when it is deleted: so it is compared with the next one. */
  #known: NodeRecord | undefined
  #isDeleted = false

  constructor(nodeName: string, logger: Logger) {
    this.#nodeName = nodeName
    this.#logger = logger
  }

  /** @param node `undefined`: it is deleted */
  changed(node: NodeRecord | undefined): void {
    // kubelet and the cloud's controller fill a Node in after it was made (again): until then it says nothing.
    if (node?.addresses.length === 0) return
    if (node === undefined && this.#known === undefined) return
    const wasDeleted = this.#isDeleted
    this.#isDeleted = node === undefined
    if (node === undefined) {
      if (!wasDeleted) this.#tellDeleted()
      return
    }
    const before = this.#known
    this.#known = node
    if (before === undefined) return
    const changes = Object.assign({}, ...fields.map((field) => changed(before, node, field))) as Changes
    const what = Object.entries(changes).map(([field, [from, to]]) => `${field} from ${from} to ${to}`)
    if (what.length === 0 && !wasDeleted) return
    const told = wasDeleted ? ['is there again', ...what] : ['changed', ...what]
    this.#logger.info(
      { event: 'node-object-changed', node: this.#nodeName, ...changes },
      `Node ${this.#nodeName} ${told.join(', ')}; that is followed`,
    )
  }

  #tellDeleted(): void {
    this.#logger.warn(
      { event: 'node-object-deleted', node: this.#nodeName },
      `Node ${this.#nodeName} is deleted: what is known of it stays, and Services are followed. If this machine is to go, ` +
        'that is all; otherwise find out who deletes Nodes (kubelet makes its own again)',
    )
  }
}

/** `leaving`: why no new traffic should come here, which the health server says, too. */
const fields = ['addresses', 'zone', 'leaving'] as const

/** A field with both values. */
type Changes = Readonly<Record<string, readonly [string, string]>>

function changed(before: NodeRecord, after: NodeRecord, field: (typeof fields)[number]): Changes {
  const [from, to] = [shown(before[field]), shown(after[field])]
  return from === to ? {} : { [field]: [from, to] }
}

function shown(value: string | readonly string[] = ''): string {
  const text = typeof value === 'string' ? value : value.join(', ')
  return text === '' ? 'none' : text
}
