import { Command, InvalidArgumentError } from 'commander'
import { addCompareCommand } from '../compare/index.ts'
import { splitArguments } from '../external/arguments.ts'
import { addReportCommand } from '../report/command.ts'
import { defaultTimeoutMinutes } from './command-line.ts'
import type { BenchFlags, ExternalFlags } from './flags.ts'

/** `portolan bench` and what is below it. Commands load what they need when they run. */
export function createBenchCommand(version: string): Command {
  const { readProgram, addToLast } = externalOptions()
  const bench = new Command('portolan bench')
    .usage(
      '[options]\n       portolan bench compare A.json B.json\n       portolan bench report results.json',
    )
    .description(
      'Measures every dataplane that this node can run, on the same clusters: how long a change takes from the event to ' +
        'the kernel and to the first packet, and what it costs. On a virtual node of its own, so it touches nothing of ' +
        'this machine. Needs root.',
    )
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'portolan: ')) })
    .showHelpAfterError('  fix: see portolan bench --help')
    .optionsGroup('What is measured:')
    .option('--services <numbers>', 'sizes of clusters, such as 1000,10000', readNumbers(1, 500_000))
    .option('--endpoints <numbers>', 'endpoints of each Service, such as 1,10,250', readNumbers(1, 10_000))
    .option(
      '--dataplane <names>',
      'nftables, iptables, ipvs, ebpf, upstream-nftables, upstream-iptables, a package, or a path (default: all that run ' +
        'here); with options as in nftables?transport=nft',
      readNames,
    )
    .option('--scenario <names>', 'see --list (default: all but those that take long)', readNames)
    .option(
      '--api-server <kubeconfig>',
      'write the cluster into this API server instead of the embedded one: Services and EndpointSlices, in namespaces ' +
        'portolan-bench-…, which are removed after',
    )
    .option(
      '--recording <file>',
      "measure in the cluster that 'portolan record' recorded, with its changes, instead of generated ones",
    )
    .option(
      '--recording-speed <factor>',
      'speed at which its changes are replayed, as a factor',
      readFactor,
      1,
    )
    .option('--node <which>', 'which of its nodes to be: most (endpoints), median, or a name', 'most')
    .option(
      '--external <program>',
      'measure another program, too, such as a kube-proxy: from outside, by its packets; may be given again, and the ' +
        'options after it are its own',
      readProgram,
    )
    .option(
      '--external-args <text>',
      'its arguments, with {kubeconfig}, {node}, {clusterCidr} and {apiServer} in their places',
      (text) => addToLast({ moreArgs: splitArguments(text) }),
    )
    .option('--external-name <name>', "what to call it (default: the program's file name)", (name) =>
      addToLast({ name }),
    )
    .option(
      '--external-timeout <minutes>',
      `how long after its start Services may be without an answer (default: ${defaultTimeoutMinutes})`,
      (text) => addToLast({ timeoutMinutes: readFactor(text) }),
    )
    .option(
      '--changes <number>',
      'how many endpoints the scenario soak replaces (default: 16000, --thorough 600000)',
      readNumber(1, 1_000_000_000),
    )
    .option(
      '--repeat <times>',
      'how often to measure everything; compare needs at least 3',
      readNumber(1, 100),
      1,
    )
    .option('--thorough', 'more samples of everything, and all scenarios; takes far longer', false)
    .option('--list', 'list dataplanes and scenarios, and measure nothing', false)
    .optionsGroup('What comes out:')
    .option('--json <file>', 'all figures', 'results.json')
    .option('--report <file>', 'one page with plots', 'report.html')
    .addHelpText('after', help)
    .action(async (flags: BenchFlags) => (await import('./bench.ts')).bench(flags, version))
  addCompareCommand(bench)
  addReportCommand(bench)
  return bench
}

const help = `
Examples:
  $ portolan bench                                         # under three minutes
  $ portolan bench --services 1000,10000,45000 --endpoints 1,10,250 --dataplane nftables,ebpf
  $ portolan bench --scenario endpoint-replaced --services 10000 --thorough --repeat 5
  $ portolan bench --dataplane ./my-dataplane.ts,nftables  # yours beside ours
  $ portolan bench --scenario core --services 100000       # without root
  $ portolan bench --recording cluster.rec --recording-speed 10 --node median
  $ portolan bench --services 1000 --dataplane nftables --external ./kube-proxy \\
      --external-args '--kubeconfig={kubeconfig} --hostname-override={node} --cluster-cidr={clusterCidr} --proxy-mode=nftables'
  $ portolan bench --services 1000 --dataplane nftables --api-server ~/.kube/config
  $ portolan bench compare before.json after.json

Without --services and --dataplane, upstream's layouts are measured by fewer
scenarios, up to 1,000 Services; name them for more. Times are good where
nothing else runs: look at the spread, and use --repeat.

Exit codes: 0 done, 1 something failed (what was measured is written
nevertheless) or a regression, 2 the command line is wrong.`

function readNames(text: string, before: readonly string[] = []): string[] {
  const names = text.split(',').map((name) => name.trim())
  if (names.includes('')) throw new InvalidArgumentError('Write names with commas between: nftables,ebpf')
  // Twice the same would be one row of figures, with both in it.
  return [...new Set([...before, ...names])]
}

/** Each program of `--external` takes the options that come after it. */
function externalOptions() {
  const programs: ExternalFlags[] = []
  return {
    readProgram(program: string): readonly ExternalFlags[] {
      programs.push({ program, args: [], timeoutMinutes: defaultTimeoutMinutes })
      return programs
    },
    addToLast({
      moreArgs = [],
      ...more
    }: Partial<ExternalFlags> & { readonly moreArgs?: readonly string[] }): void {
      const last = programs.pop()
      if (last === undefined)
        throw new InvalidArgumentError('It belongs to a program: name it before, with --external.')
      programs.push({ ...last, ...more, args: [...last.args, ...moreArgs] })
    },
  }
}

function readFactor(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (value >= 0.01 && value <= 10_000) return value
  throw new InvalidArgumentError(`'${text}' is no factor from 0.01 to 10000.`)
}

function readNumbers(min: number, max: number): (text: string) => number[] {
  const read = readNumber(min, max)
  return (text) => [...new Set(text.split(',').map((part) => read(part.trim())))]
}

function readNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
    if (value >= min && value <= max) return value
    throw new InvalidArgumentError(`'${text}' is no whole number from ${min} to ${max}.`)
  }
}
