import { UserError } from './user-error.ts'
import { readVersion } from './version.ts'

/** Of `@portolan/bench`, which this package doesn't depend on: nodes that only run Portolan do without. */
interface BenchPackage {
  createBenchCommand(version: string): {
    parseAsync(args: readonly string[], options: { readonly from: 'user' }): Promise<unknown>
  }
}

const name = '@portolan/bench'

/** Hands the command line on to the benchmark. @throws {UserError} when it isn't installed, and what it throws itself */
export async function bench(args: readonly string[]): Promise<void> {
  const { createBenchCommand } = (await load()) as BenchPackage
  await createBenchCommand(readVersion()).parseAsync(args, { from: 'user' })
}

async function load(): Promise<unknown> {
  try {
    return await import(name)
  } catch (cause) {
    const { code, message } = cause as { readonly code?: unknown; readonly message?: unknown }
    // Something that it imports may be missing, too; that is told as it is.
    if (code !== 'ERR_MODULE_NOT_FOUND' || !String(message).includes(`'${name}'`)) throw cause
    const fix = 'run it from a checkout of Portolan (npm run bench), which has everything that is measured'
    throw new UserError('the benchmark is not installed here', { fix, cause })
  }
}
