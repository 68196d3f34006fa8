import { join } from 'node:path'
import { ExecaError, execa } from 'execa'
import { PackError } from './pack-error.ts'

/**
 * Compiles everything that is published into a folder that has the checkout's shape. What the types come to is
 * `npm run check`'s business; here only what would make a wrong declaration is told.
 *
 * @throws PackError COMPILER
 */
export async function compile(root: string, into: string): Promise<void> {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const args = ['--project', join(root, 'release'), '--noCheck', '--outDir', into, '--pretty', 'false']
  try {
    await execa(process.execPath, [tsc, ...args])
  } catch (cause) {
    const said = cause instanceof ExecaError ? `${cause.stdout ?? ''}${cause.stderr ?? ''}` : String(cause)
    throw new PackError('COMPILER', `the sources can't be compiled:\n${said}`, { cause })
  }
}
