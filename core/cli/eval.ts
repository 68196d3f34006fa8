import { findPackage } from '../dataplane/find-package.ts'
import { UserError } from './user-error.ts'
import { readVersion } from './version.ts'

interface Parser {
  parseAsync(args: readonly string[], options: { readonly from: 'user' }): Promise<unknown>
}

/** Of `@portolan/eval`, which this package doesn't depend on: nodes that only run Portolan do without. */
interface EvalPackage {
  createEvalCommand(version: string): Parser
  createFuzzCommand(): Parser
}

const name = '@portolan/eval'

/** Hands the command line on to the evaluation. @throws {UserError} when it isn't installed, and what it throws itself */
export async function evaluate(args: readonly string[]): Promise<void> {
  const { createEvalCommand } = await load('what evaluates dataplanes')
  await createEvalCommand(readVersion()).parseAsync(args, { from: 'user' })
}

/** The same for the search for faults. */
export async function fuzz(args: readonly string[]): Promise<void> {
  const { createFuzzCommand } = await load('what searches dataplanes for faults')
  await createFuzzCommand().parseAsync(args, { from: 'user' })
}

async function load(what: string): Promise<EvalPackage> {
  const [module] = findPackage(name)
  if (module !== undefined) return (await import(module)) as EvalPackage
  throw new UserError(`${what} is not installed here`, {
    fix: `npm install ${name} beside Portolan, or run it from a checkout`,
  })
}
