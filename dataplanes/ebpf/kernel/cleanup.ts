import { existsSync } from 'node:fs'
import type { CleanupReport } from '@portolan/core'
import {
  bpfFileSystem,
  isBpfFileSystemMounted,
  lockBpfFileSystem,
  unmountBpfFileSystem,
} from '@portolan/native/libbpf'
import type { EbpfSettings } from '../layout/settings.ts'
import { detachInterfaces } from './node-hooks.ts'
import { unpinDeadNodes, unpinNode } from './pins.ts'

/**
 * Removes everything of a node: programs at interfaces, pins, and our mount of the bpf file system. All is tried,
 * whatever fails.
 *
 * @param directory of the node's pins
 * @throws Error naming each step that failed
 */
export async function cleanUp(settings: EbpfSettings, directory: string): Promise<CleanupReport> {
  // A kernel without eBPF has no place for it, and nothing of ours.
  const lock = existsSync(bpfFileSystem) ? await lockBpfFileSystem(false) : undefined
  try {
    return removeAll(settings, directory)
  } finally {
    lock?.release()
  }
}

function removeAll(settings: EbpfSettings, directory: string): CleanupReport {
  unpinDeadNodes()
  const removed: string[] = []
  const failures: string[] = []
  const steps = {
    'programs at interfaces': () => detachInterfaces(settings, directory),
    pins: () => unpinNode(directory).map((pin) => `pin ${pin}`),
    mount: () => (unmountBpfFileSystem() ? [`mount ${bpfFileSystem}`] : []),
  }
  for (const [what, take] of Object.entries(steps)) {
    try {
      removed.push(...take())
    } catch (error) {
      failures.push(`${what}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  if (failures.length > 0) throw new Error(failures.join('; '))
  if (removed.length > 0 || isBpfFileSystemMounted()) return { removed }
  return {
    removed,
    absent: `no bpf file system is mounted at ${bpfFileSystem}; in a container, mount the node's`,
  }
}
