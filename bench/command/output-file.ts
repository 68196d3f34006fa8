import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { BenchError } from './bench-error.ts'

/** Whether a file can be written there, without touching it. @throws {BenchError} */
export async function checkWritable(path: string): Promise<void> {
  const full = resolve(path)
  try {
    if ((await stat(full)).isDirectory()) throw refused(path, 'it is a folder')
    await access(full, constants.W_OK)
  } catch (error) {
    if (error instanceof BenchError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT') throw refused(path, message)
    await checkFolder(path, dirname(full))
  }
}

async function checkFolder(path: string, folder: string): Promise<void> {
  try {
    if (!(await stat(folder)).isDirectory()) throw refused(path, `${folder} is no folder`)
    await access(folder, constants.W_OK)
  } catch (error) {
    if (error instanceof BenchError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    throw refused(path, code === 'ENOENT' ? `there is no folder ${folder}` : message)
  }
}

function refused(path: string, why: string): BenchError {
  return new BenchError(
    `can't write ${path}: ${why}`,
    'name a file in a folder that is there and that you may write to',
    2,
  )
}
