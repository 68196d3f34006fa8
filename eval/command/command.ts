import { Command, InvalidArgumentError } from 'commander'
import { type PartName, partNames } from '../scorecard.ts'
import type { EvalFlags } from './eval.ts'

/** `portolan eval`. @param version of Portolan */
export function createEvalCommand(version: string): Command {
  return new Command('portolan eval')
    .description(
      'Makes a scorecard of a dataplane: whether it keeps the contract, whether the kernel holds what it applies, what real ' +
        'packets say about it, how fast it is, and what an operator will see of it. On virtual nodes of its own, so it ' +
        'touches nothing of this machine. Needs root, but for the shape.',
    )
    .argument(
      '<dataplane...>',
      'nftables, iptables, ipvs, ebpf, a package, or a path; with options as in nftables?transport=nft',
    )
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'portolan: ')) })
    .showHelpAfterError('  fix: see portolan eval --help')
    .optionsGroup('What is asked:')
    .option('--only <parts>', `some of ${partNames.join(', ')}`, readParts)
    .option(
      '--quick',
      'leave out what takes minutes: long rows, and clusters of more than 1,000 Services',
      false,
    )
    .option(
      '--rows <regex>',
      'of the conformance kit only rows whose names it matches, and neither speed nor operation',
      readPattern,
    )
    .option(
      '--services <numbers>',
      'sizes of clusters (default: 100,1000,10000; with --quick 100,1000)',
      readNumbers,
    )
    .option(
      '--under-test <file>',
      "the module with what only a dataplane's author can give: how to damage its rules (default: test/under-test.ts in its package)",
    )
    .option(
      '--deadline <seconds>',
      'for any one call of the dataplane (default: 30, times the slowness; in speed those of portolan run)',
      readSeconds,
    )
    .option(
      '--slowness <number>',
      'how many times as long as usual all but speed may take: on a busy machine, or a translated one',
      readSlowness,
      1,
    )
    .option(
      '--keep',
      'stop at the first scenario with a failed row, and leave its node up until Ctrl-C',
      false,
    )
    .optionsGroup('What comes out:')
    .option('--json <file>', 'all of it as data', 'scorecard.json')
    .option('--report <file>', 'one page with plots', 'scorecard.html')
    .option('--badge <file>', 'a picture of a line, for a README')
    .option(
      '--objects <folder>',
      'the objects behind failed rows, to plan and explain with',
      'scorecard-objects',
    )
    .addHelpText('after', help)
    .action(async (dataplanes: string[], flags: EvalFlags) =>
      (await import('./eval.ts')).evaluateAll(dataplanes, flags, version),
    )
}

const help = `
Parts, each asked only where those before it make sense; shape and convergence
stop the rest where they fail:
  shape        it loads, declares what there is, gives the same program for the
               same table, prints and traces it
  convergence  what it applies it reads back, in any order, after random
               histories
  conformance  the kit's rows, real packets: from one ClusterIP to what is no
               Service's
  speed        how long a change takes at each size, with the lower bound beside
               it; memory over churn
  operation    packets lost in changes, restarts and crashes, seconds to repair
               damage, what clean-up leaves

Examples:
  $ portolan eval ./src/index.ts                     # a quarter of an hour
  $ portolan eval ./src/index.ts --quick             # four minutes
  $ portolan eval ./src/index.ts --rows 'ClusterIP'  # while you work
  $ portolan eval ./src/index.ts --rows 'hairpin' --keep
  $ portolan eval ./src/index.ts --only shape        # without root
  $ portolan eval nftables ebpf ./src/index.ts --only speed

It takes longer where 10,000 Services take long. A failed row's objects are in a
file of --objects: portolan plan --source file:FILE --node this-node shows what
your dataplane makes of them.

Exit codes: 0 nothing that was asked has failed, 1 something has, 2 the command
line is wrong.`

function readParts(text: string): PartName[] {
  return text.split(',').map((name) => {
    const part = partNames.find((one) => one === name.trim())
    if (part === undefined) throw new InvalidArgumentError(`There is no part '${name}'.`)
    return part
  })
}

function readPattern(text: string): string {
  try {
    new RegExp(text)
    return text
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error))
  }
}

function readNumbers(text: string): number[] {
  return text.split(',').map((part) => {
    const number = Number(part.trim())
    if (Number.isInteger(number) && number >= 1 && number <= 500_000) return number
    throw new InvalidArgumentError(`'${part}' is no number from 1 to 500000.`)
  })
}

export function readSlowness(text: string): number {
  const slowness = Number(text)
  if (slowness >= 1 && slowness <= 1000) return slowness
  throw new InvalidArgumentError(`'${text}' is no number from 1 to 1000.`)
}

export function readSeconds(text: string): number {
  const seconds = Number(text)
  if (seconds >= 1 && seconds <= 3600) return seconds
  throw new InvalidArgumentError(`'${text}' is no number of seconds from 1 to 3600.`)
}
