import { findPackage } from '../dataplane/find-package.ts'
import { UserError, usageError } from './user-error.ts'

/** Of `@portolan/create-dataplane`, which this package doesn't depend on: nodes that only run Portolan do without. */
interface CreatePackage {
  createCommand(name: string): {
    parseAsync(args: readonly string[], options: { readonly from: 'user' }): Promise<unknown>
  }
}

const name = '@portolan/create-dataplane'

/**
 * Hands the command line on to what makes new packages.
 *
 * @param args from after `create`: `dataplane NAME`
 * @throws {UserError} when it isn't installed, and what it throws itself
 */
export async function create([kind, ...args]: readonly string[]): Promise<void> {
  const isHelp = kind === '--help' || kind === '-h'
  if (kind !== 'dataplane' && !isHelp)
    throw usageError(
      kind === undefined ? 'create what?' : `there is no '${kind}' to create`,
      'portolan create dataplane NAME makes a package for a new dataplane',
    )
  const [module] = findPackage(name)
  if (module === undefined)
    throw new UserError('what makes new packages is not installed here', {
      fix: 'npm create @portolan/dataplane NAME, which needs no Portolan',
    })
  const { createCommand } = (await import(module)) as CreatePackage
  await createCommand('portolan create dataplane').parseAsync(isHelp ? ['--help'] : args, { from: 'user' })
}
