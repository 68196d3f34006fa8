import { constants } from 'node:fs'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** O_TMPFILE of open(2), which Node has no name for. */
const unnamed = 0o20000000 | constants.O_DIRECTORY | constants.O_RDWR

/**
 * Opens a file for reading and writing that has no name, so that nothing is left behind however this process ends. Other
 * programs open it as `/proc/PID/fd/FD`.
 */
export async function openUnnamedFile(): Promise<FileHandle> {
  try {
    return await open(tmpdir(), unnamed, 0o600)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    // Overlay file systems, which containers have, can't before Linux 6.3. The error is EOPNOTSUPP, whose number is
    // ENOTSUP's on Linux, and that is how Node calls it.
    if (code !== 'ENOTSUP' && code !== 'EISDIR') throw error
    return await openAndUnlink()
  }
}

async function openAndUnlink(): Promise<FileHandle> {
  const name = `portolan-${process.pid}-${Date.now()}-${Math.random().toString(36).slice(2)}`
  const path = join(tmpdir(), name)
  const file = await open(path, 'wx+', 0o600)
  await rm(path)
  return file
}
