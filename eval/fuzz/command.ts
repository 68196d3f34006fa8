import { type PhaseName, parsePath, phases } from '@portolan/conformance/fuzz'
import { Command, Help, InvalidArgumentError } from 'commander'
import { readSeconds, readSlowness } from '../command/command.ts'
import type { FuzzFlags } from './fuzz.ts'

/** Minutes without `--minutes`, where the clock ends the search. */
export const standardMinutes = 5

/** Seconds of `--deadline`, times the slowness. */
export const standardDeadline = 30

/** Seconds of `--shrink`. */
export const standardShrink = 120

const phaseNames = Object.keys(phases) as PhaseName[]

/** `portolan fuzz`. */
export function createFuzzCommand(): Command {
  return new Command('portolan fuzz')
    .description(
      'Searches a dataplane for faults: random clusters, random changes and failures, random packets and conversations; what ' +
        'the kernel does is compared with what `evaluate` says. The first fault is made as short as it gets and printed as ' +
        'a test. On virtual nodes of its own, so it touches nothing of this machine. Needs root.',
    )
    .argument(
      '<dataplane>',
      'nftables, iptables, ipvs, ebpf, a package, or a path; with options as in nftables?transport=nft',
    )
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'portolan: ')) })
    .showHelpAfterError('  fix: see portolan fuzz --help')
    .optionsGroup('What is tried:')
    .option('--seed <number>', 'of all that is random; drawn when not given', readWhole)
    .option(
      '--minutes <number>',
      `how long to search (default: ${standardMinutes}; with --rounds or --path: as long as these take)`,
      readMinutes,
    )
    .option(
      '--rounds <number>',
      'of each phase, at the most: so that it ends where the clock has no say',
      readWhole,
    )
    .option('--only <phases>', `some of ${phaseNames.join(', ')}`, readPhases)
    .option('--path <path>', 'what was printed with a seed, and nothing else', readPath)
    .option(
      '--under-test <file>',
      'the module with what a lab needs of the dataplane (default: test/under-test.ts in its package)',
    )
    .option(
      '--deadline <seconds>',
      `for any one call of the dataplane (default: ${standardDeadline}, times the slowness)`,
      readSeconds,
    )
    .option(
      '--slowness <number>',
      'how many times as long as usual everything may take: on a busy machine, or a translated one',
      readSlowness,
      1,
    )
    .option(
      '--shrink <seconds>',
      'for making what is found short, besides the minutes',
      readSeconds,
      standardShrink,
    )
    .optionsGroup('What comes out:')
    .option('--test <file>', 'write the test there, rather than print it')
    .option('--json <file>', 'all of it as data')
    .addHelpText('after', help)
    .action(async (dataplane: string, flags: FuzzFlags) => (await import('./fuzz.ts')).fuzz(dataplane, flags))
}

/** Columns of the help, and of the phases' names in it. */
const columns = 80
const nameColumns = 17

function described(name: PhaseName): string {
  const lines = new Help().boxWrap(phases[name].replaceAll('`', ''), columns - nameColumns)
  return `  ${name}`.padEnd(nameColumns) + lines.replaceAll('\n', `\n${' '.repeat(nameColumns)}`)
}

const help = `
Phases, in turns until the time is over:
${phaseNames.map(described).join('\n')}

Examples:
  $ portolan fuzz ./src/index.ts                                 # five minutes
  $ portolan fuzz ./src/index.ts --minutes 60 --test test/found.test.ts
  $ portolan fuzz ./src/index.ts --seed 7 --path packets/12/3:0  # once more
  $ portolan fuzz ./src/index.ts --only convergence              # no packets
  $ portolan fuzz ./src/index.ts --seed 7 --rounds 20            # for CI

The same seed tries the same things in the same order of each phase; which
phase's turn it is depends on the clock. In Portolan's checkout,
npm run fuzz is another thing: random inputs for the parsers of what others
write.

Exit codes: 0 nothing found, 1 a fault, or the search or the path was broken
off, 2 the command line is wrong.`

function readWhole(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number below 1,000,000,000.')
}

function readMinutes(text: string): number {
  const minutes = Number(text)
  if (minutes > 0 && minutes <= 10_080) return minutes
  throw new InvalidArgumentError(`'${text}' is no number of minutes above 0, a week at the most.`)
}

function readPhases(text: string): PhaseName[] {
  return text.split(',').map((name) => {
    const phase = phaseNames.find((one) => one === name.trim())
    if (phase === undefined) throw new InvalidArgumentError(`There is no phase '${name}'.`)
    return phase
  })
}

function readPath(text: string): string {
  if (parsePath(text) !== undefined) return text
  throw new InvalidArgumentError(`'${text}' is no path, as packets/12/3:0:5 is.`)
}
