import { constants } from 'node:fs'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** O_TMPFILE of open(2), which Node has no name for. */
const unnamed = 0o20000000 | constants.O_DIRECTORY | constants.O_RDWR

/** A container whose root is read-only may have no other place than the one in memory. */
const places = [tmpdir(), '/dev/shm']

/**
 * Opens a file for reading and writing that has no name, so that nothing is left behind however this process ends. Other
 * programs open it as `/proc/PID/fd/FD`.
 *
 * @param directories are tried in turn
 * @throws what `open` does in the last one
 */
export async function openUnnamedFile(directories: readonly string[] = places): Promise<FileHandle> {
  let failure: unknown
  for (const directory of directories) {
    try {
      return await openIn(directory)
    } catch (error) {
      failure = error
    }
  }
  throw failure
}

async function openIn(directory: string): Promise<FileHandle> {
  try {
    return await open(directory, unnamed, 0o600)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    // Overlay file systems, which containers have, can't before Linux 6.3. The error is EOPNOTSUPP, whose number is
    // ENOTSUP's on Linux, and that is how Node calls it.
    if (code !== 'ENOTSUP' && code !== 'EISDIR') throw error
    return await openAndUnlink(directory)
  }
}

/** For file systems without unnamed files: the name is gone before anything is written. */
export async function openAndUnlink(directory: string): Promise<FileHandle> {
  const name = `portolan-${process.pid}-${Date.now()}-${Math.random().toString(36).slice(2)}`
  const path = join(directory, name)
  const file = await open(path, 'wx+', 0o600)
  await rm(path)
  return file
}
