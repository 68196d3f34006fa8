import { release } from 'node:os'
import { Worker } from 'node:worker_threads'
import { protocolNumber } from '@portolan/core'
import type { BpfMap } from '@portolan/native/libbpf'
import { type Bytes, bufferOf } from '../layout/observed-state.ts'
import type { EbpfSettings } from '../layout/settings.ts'
import { closingStructs, structs } from '../layout/structures.ts'
import { nodeNamespaces } from './node-namespaces.ts'
import { canCloseSockets } from './probe.ts'
import type { ClosingData, ClosingRequest, ClosingResponse } from './socket-closing-worker.ts'

/** Milliseconds. */
export interface ClosingPauses {
  /** What is removed within this time is looked for together: a look takes a millisecond for each pod. */
  readonly gather: number
  /** Until the next attempt after one that failed. */
  readonly retry: number
  /** How long the thread stays: it costs memory, and starting one costs time. */
  readonly idle: number
}

const usualPauses: ClosingPauses = { gather: 200, retry: 10_000, idle: 60_000 }

/** At once; what is more comes in the next round. */
const maxRemoved = 10_000

/**
 * Closes connected UDP sockets of the node and its pods that were led to an endpoint which has gone, so that their
 * owners get ECONNABORTED and ask anew (Linux 6.5). In a thread of its own, which exists while there is something to do.
 *
 * UDP only: it has no end that either side could see, while a TCP connection to an endpoint that is being terminated goes
 * on until one side ends it, as behind kube-proxy.
 */
export class SocketCloser {
  readonly #settings: EbpfSettings
  readonly #peers: string
  readonly #members: BpfMap
  readonly #tell: (notice: string) => void
  readonly #pauses: ClosingPauses
  readonly #waiting = new Set<Bytes>()
  /** What the thread is looking for. */
  #asked: readonly Bytes[] = []
  #worker: Worker | undefined
  #timer: NodeJS.Timeout | undefined
  #failing = false
  #stopped = false

  /**
   * @param peers where that map is pinned
   * @param tell called once when it begins to fail
   */
  constructor(
    settings: EbpfSettings,
    peers: string,
    members: BpfMap,
    tell: (notice: string) => void,
    pauses = usualPauses,
  ) {
    this.#settings = settings
    this.#peers = peers
    this.#members = members
    this.#tell = tell
    this.#pauses = pauses
  }

  /** @param removed keys of the map `members` */
  add(removed: readonly Bytes[]): void {
    if (this.#stopped || removed.length === 0) return
    for (const key of removed) this.#wait(key)
    if (!this.#failing) this.#wake(this.#pauses.gather)
  }

  /** Leaves what is waiting as it is. */
  stop(): void {
    this.#stopped = true
    this.#waiting.clear()
    clearTimeout(this.#timer)
    this.#endWorker()
  }

  /** While it fails, what there is to do must not grow without end. */
  #wait(key: Bytes): void {
    if (!this.#failing || this.#waiting.size < maxRemoved) this.#waiting.add(key)
  }

  #wake(milliseconds: number): void {
    if (this.#stopped || this.#asked.length > 0) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#run(), milliseconds)
    this.#timer.unref()
  }

  #run(): void {
    if (this.#waiting.size === 0) {
      this.#endWorker()
      return
    }
    const removed = [...this.#waiting].slice(0, maxRemoved)
    for (const key of removed) this.#waiting.delete(key)
    try {
      const gone = removed.filter((key) => !this.#isMember(bufferOf(key)))
      if (gone.length === 0) {
        this.#succeeded()
        return
      }
      this.#asked = gone
      this.#worker ??= this.#start()
      const request: ClosingRequest = {
        removed: gone.map((key) => removedKey(bufferOf(key))),
        namespaces: nodeNamespaces(this.#settings),
      }
      this.#worker.postMessage(request)
    } catch (error) {
      this.#asked = removed
      this.#failed(error)
    }
  }

  #start(): Worker {
    const workerData: ClosingData = { peers: this.#peers }
    const worker = new Worker(new URL('./socket-closing-worker.ts', import.meta.url), { workerData })
    worker.unref()
    // What one says that has been given up means nothing.
    const current = (then: () => void) => (this.#worker === worker ? then() : undefined)
    worker.on('message', (response: ClosingResponse) =>
      current(() => ('error' in response ? this.#failed(response.error) : this.#succeeded())),
    )
    worker.on('error', (error) => current(() => this.#failed(error)))
    worker.on('exit', (code) => current(() => this.#failed(`the thread ended with code ${code}`)))
    return worker
  }

  /**
   * It ends by itself, after what it is doing: one that is stopped in the middle of native code may take the process along,
   * and leaves what it has opened.
   */
  #endWorker(): void {
    const worker = this.#worker
    this.#worker = undefined
    worker?.ref()
    worker?.postMessage('end')
  }

  #succeeded(): void {
    this.#asked = []
    this.#failing = false
    this.#wake(this.#waiting.size > 0 ? this.#pauses.gather : this.#pauses.idle)
  }

  /** It is tried again with a new thread; but a kernel that is too old stays so, and the start has told of it. */
  #failed(error: unknown): void {
    if (this.#stopped) return
    this.#endWorker()
    if (!canCloseSockets(release())) {
      this.stop()
      return
    }
    const asked = this.#asked
    this.#asked = []
    const why = error instanceof Error ? error.message : String(error)
    if (!this.#failing)
      this.#tell(`UDP sockets that are connected to removed endpoints stay open; tried again: ${why}`)
    this.#failing = true
    for (const key of asked) this.#wait(key)
    this.#wake(this.#pauses.retry)
  }

  /** It may have come back in the meantime. */
  #isMember(key: Buffer): boolean {
    return [0, 1].some((local) => {
      const either = Buffer.from(key)
      either.writeUInt16LE(local, structs.member_key.at.local)
      return this.#members.get(either) !== undefined
    })
  }
}

function removedKey(member: Buffer): Buffer {
  const { size, at } = closingStructs.removed_key
  const key = Buffer.alloc(size)
  member.copy(key, at.address, structs.member_key.at.address, structs.member_key.at.address + 16)
  member.copy(key, at.service, structs.member_key.at.service, structs.member_key.at.service + 4)
  member.copy(key, at.port, structs.member_key.at.port, structs.member_key.at.port + 2)
  key[at.protocol] = protocolNumber.UDP
  return key
}
