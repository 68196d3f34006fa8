/**
 * Closes sockets in one network namespace after the other, in a thread of its own: one that enters a namespace should do
 * nothing else.
 */
import { existsSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { enterNetworkNamespace } from '@portolan/native'
import { BpfObject, readClosingPrograms, runIterator } from '@portolan/native/libbpf'
import { closingMaps } from '../layout/maps.ts'
import { closingProgram } from '../layout/programs.ts'

/** What the thread is started with. */
export interface ClosingData {
  /** Where the map `peers` is pinned. */
  readonly peers: string
}

export interface ClosingRequest {
  /** Keys of the map `removed`. */
  readonly removed: readonly Uint8Array[]
  readonly namespaces: readonly string[]
}

/** How it ended: in how many namespaces, or why not at all. */
export type ClosingResponse = { readonly namespaces: number } | { readonly error: string }

const { peers } = workerData as ClosingData
let object: BpfObject | undefined

function close({ removed, namespaces }: ClosingRequest): ClosingResponse {
  // With an empty map of its own it would find nothing, without a word.
  if (object === undefined && !existsSync(peers)) throw new Error(`the map peers is not pinned at ${peers}`)
  object ??= BpfObject.loadBlocking(readClosingPrograms(), {
    maps: closingMaps,
    programs: [closingProgram],
    reuse: { peers },
  })
  const map = object.map('removed')
  for (const key of removed) map.setIfRoom(Buffer.from(key), Buffer.alloc(1))
  let visited = 0
  for (const namespace of namespaces) {
    try {
      enterNetworkNamespace(namespace)
      runIterator(object.program(closingProgram))
      visited++
    } catch {
      // A namespace that goes away takes its sockets along.
    }
  }
  for (const key of removed) map.delete(Buffer.from(key))
  return { namespaces: visited }
}

parentPort?.on('message', (request: ClosingRequest | 'end') => {
  if (request === 'end') {
    object?.close()
    parentPort?.close()
    return
  }
  let response: ClosingResponse
  try {
    response = close(request)
  } catch (error) {
    response = { error: error instanceof Error ? error.message : String(error) }
  }
  parentPort?.postMessage(response)
})
