import { ChildProcess } from 'node:child_process'
import { Socket } from 'node:net'

/**
 * What keeps this process alive, in words: `process.getActiveResourcesInfo()` names types only, which says nothing about
 * which of a hundred sockets was left open.
 */
export function openHandles(): readonly string[] {
  // Undocumented, and the only way to the objects; without it there are the types.
  const { _getActiveHandles: list } = process as unknown as { _getActiveHandles?: () => readonly unknown[] }
  const types = process.getActiveResourcesInfo()
  if (list === undefined) return types
  const described = list.call(process).flatMap((handle) => describe(handle) ?? [])
  return [...types, ...described]
}

function describe(handle: unknown): string | undefined {
  if (handle instanceof ChildProcess)
    return `process ${handle.pid} (${handle.spawnargs.join(' ').slice(0, 80)})`
  if (handle instanceof Socket && handle.remoteAddress !== undefined)
    return `socket ${handle.localAddress}:${handle.localPort} to ${handle.remoteAddress}:${handle.remotePort}`
  return undefined
}
