import { findPackage } from '../dataplane/find-package.ts'
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
  const [module] = findPackage(name)
  if (module === undefined)
    throw new UserError('the benchmark is not installed here', {
      fix: `npm install ${name} beside Portolan, or run it from a checkout (npm run bench)`,
    })
  const { createBenchCommand } = (await import(module)) as BenchPackage
  await createBenchCommand(readVersion()).parseAsync(args, { from: 'user' })
}
