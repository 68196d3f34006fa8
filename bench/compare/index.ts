import { type Command, InvalidArgumentError } from 'commander'
import type { CompareFlags } from './run-compare.ts'

/**
 * Adds `compare A B` below `portolan bench`. Exit codes: 0 no regression, 1 a regression, 2 a file can't be used or has
 * too few runs.
 */
export function addCompareCommand(bench: Command): void {
  // What follows the subcommand is its own, also where bench has an option of the same name (--json FILE).
  bench.enablePositionalOptions()
  bench
    .command('compare')
    .summary('put two results.json side by side')
    .description(
      'Puts two runs side by side, figure by figure: B/A with its interval, and what is surely worse or better by ' +
        'more than the threshold.',
    )
    .argument('<A>', 'results.json of the run before')
    .argument('<B>', 'results.json of the run after')
    .option('--threshold <change>', 'a change up to this is none, such as 10% or 0.1', parseThreshold, 0.1)
    .option('--all', 'list also what is the same, and what may be noise', false)
    .option('--json', 'print everything as JSON', false)
    .addHelpText(
      'after',
      '\nA verdict needs 3 runs of each side (--repeat 3).\n\n' +
        'Exit codes: 0 nothing is worse, 1 something is or has failed in B only, 2 a file\n' +
        'or the command line is wrong, or there are too few runs for any verdict.',
    )
    .action(async (pathA: string, pathB: string, _: unknown, command: Command) => {
      const { runCompare } = await import('./run-compare.ts')
      process.exitCode = await runCompare(pathA, pathB, command.opts<CompareFlags>(), process)
    })
}

/** `10%` and `0.1` are the same. */
export function parseThreshold(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text.trim())
  const value = Number(match?.[1]) / (match?.[2] === '%' ? 100 : 1)
  if (!Number.isFinite(value)) throw new InvalidArgumentError('Give a share: 10% or 0.1.')
  if (value > 10) throw new InvalidArgumentError(`That is ${value * 100} %. Give a share: 10% or 0.1.`)
  return value
}
