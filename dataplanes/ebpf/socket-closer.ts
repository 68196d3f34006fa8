import { Worker } from 'node:worker_threads'
import type { BpfMap } from '@portolan/native/libbpf'
import { type Bytes, bufferOf } from './held.ts'
import { closingStructs, protocolNumber, structs } from './layout.ts'
import { nodeNamespaces } from './node-namespaces.ts'
import type { EbpfSettings } from './settings.ts'
import type { ClosingData, ClosingRequest, ClosingResponse } from './socket-closing-worker.ts'

/** What is removed within this time is looked for together: a look takes a millisecond for each pod. */
const gatherMilliseconds = 200

/** A thread costs memory, and starting one costs time. */
const idleMilliseconds = 60_000

/** At once; what is more comes in the next round. */
const mostRemoved = 10_000

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
  readonly #waiting = new Set<Bytes>()
  #worker: Worker | undefined
  #timer: NodeJS.Timeout | undefined
  #busy = false
  #unable = false

  /** @param peers where that map is pinned */
  constructor(settings: EbpfSettings, peers: string, members: BpfMap) {
    this.#settings = settings
    this.#peers = peers
    this.#members = members
  }

  /** @param removed keys of the map `members` */
  add(removed: readonly Bytes[]): void {
    if (this.#unable || removed.length === 0) return
    for (const key of removed) this.#waiting.add(key)
    this.#wake(gatherMilliseconds)
  }

  /** Leaves what is waiting as it is. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#unable = true
    void this.#worker?.terminate()
    this.#worker = undefined
  }

  #wake(milliseconds: number): void {
    if (this.#busy) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#run(), milliseconds)
    this.#timer.unref()
  }

  #run(): void {
    if (this.#waiting.size === 0) {
      void this.#worker?.terminate()
      this.#worker = undefined
      return
    }
    const removed = [...this.#waiting].slice(0, mostRemoved)
    for (const key of removed) this.#waiting.delete(key)
    const gone = removed.map(bufferOf).filter((key) => !this.#isMember(key))
    if (gone.length === 0) {
      this.#wake(idleMilliseconds)
      return
    }
    this.#busy = true
    this.#worker ??= this.#start()
    const request: ClosingRequest = {
      removed: gone.map(removedKey),
      namespaces: nodeNamespaces(this.#settings),
    }
    this.#worker.postMessage(request)
  }

  #start(): Worker {
    const workerData: ClosingData = { peers: this.#peers }
    const worker = new Worker(new URL('./socket-closing-worker.ts', import.meta.url), { workerData })
    worker.unref()
    worker.on('message', (response: ClosingResponse) => this.#ended('error' in response))
    worker.on('error', () => this.#ended(true))
    return worker
  }

  /** A kernel that can't do it the first time never can. */
  #ended(failed: boolean): void {
    this.#busy = false
    if (failed) this.stop()
    else this.#wake(this.#waiting.size > 0 ? gatherMilliseconds : idleMilliseconds)
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
