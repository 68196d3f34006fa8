import { findPackage } from '../dataplane/find-package.ts'
import { UserError } from './user-error.ts'
import { readVersion } from './version.ts'

/** Of `@portolan/eval`, which this package doesn't depend on: nodes that only run Portolan do without. */
interface EvalPackage {
  createEvalCommand(version: string): {
    parseAsync(args: readonly string[], options: { readonly from: 'user' }): Promise<unknown>
  }
}

const name = '@portolan/eval'

/** Hands the command line on to the evaluation. @throws {UserError} when it isn't installed, and what it throws itself */
export async function evaluate(args: readonly string[]): Promise<void> {
  const [module] = findPackage(name)
  if (module === undefined)
    throw new UserError('what evaluates dataplanes is not installed here', {
      fix: `npm install ${name} beside Portolan, or run it from a checkout`,
    })
  const { createEvalCommand } = (await import(module)) as EvalPackage
  await createEvalCommand(readVersion()).parseAsync(args, { from: 'user' })
}
