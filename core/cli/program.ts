import { Command, CommanderError, Option } from 'commander'
import {
  checkHelp,
  cleanupHelp,
  configCheckHelp,
  exitCodeHelp,
  explainHelp,
  installHelp,
  planHelp,
  programHelp,
  recordHelp,
  runHelp,
  statusHelp,
  switchHelp,
  versionHelp,
} from './command-help.ts'
import { addConfigOptions, addInstalledOptions } from './config-options.ts'
import { reportError } from './error-report.ts'
import { exitAtOnce } from './exit-at-once.ts'
import { fitHelp, fitText } from './help-format.ts'
import { endWithoutOutput } from './output-failure.ts'
import { exitCodes } from './user-error.ts'
import { readVersion } from './version.ts'

/** Runs the program with its arguments (without node and script) and sets the process's exit code. */
export async function main(args: readonly string[]): Promise<void> {
  endWithoutOutput()
  process.once('beforeExit', exitAtOnce)
  try {
    await createProgram().parseAsync(args, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? exitCodes.success : exitCodes.usage
      return
    }
    const { lines, exitCode } = reportError(error)
    for (const line of lines) console.error(line)
    process.exitCode = exitCode
  }
}

/** Commands load what they need when they run, so that a quick one stays quick. */
export function createProgram(): Command {
  const program = fitHelp(new Command('portolan'))
    .description('A kube-proxy whose data planes are plugins.')
    .version(readVersion(), '-V, --version')
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, 'portolan: ')),
    })
    .showHelpAfterError('  fix: see portolan --help, or --help after the command')
    .addHelpText('after', () => fitText(programHelp))
  addCheck(program)
  addRun(program)
  addStatus(program)
  addSwitch(program)
  addPlan(program)
  addExplain(program)
  addBench(program)
  addCreate(program)
  addEval(program)
  addFuzz(program)
  addRecord(program)
  addCleanup(program)
  addInstall(program)
  addConfig(program)
  addHelpDataplane(program)
  addVersion(program)
  return program
}

function addRun(program: Command): void {
  const command = program
    .command('run')
    .summary("program this node's Services as the cluster defines them")
    .description(
      "Programs this node's Services as the cluster defines them, until SIGTERM or SIGINT. The rules stay when it ends, " +
        'and the next start adopts them. Needs root, or CAP_NET_ADMIN (iptables, ipvs: and CAP_NET_RAW; ebpf: and ' +
        'CAP_SYS_ADMIN and CAP_SYS_PTRACE). Takes all flags of kube-proxy.',
    )
  addConfigOptions(command, 'run')
    .addHelpText('after', () => fitText(runHelp))
    .action(async (flags) => (await import('./run.ts')).run(flags))
}

function addCheck(program: Command): void {
  const command = program
    .command('check')
    .summary('say what would not be as it is with kube-proxy, before anything is applied')
    .description(
      "Says whether this node can run Portolan, what in kube-proxy's configuration means something else here, and which " +
        'Services would be served otherwise than they are today, each with its reason and what to do. Changes nothing.',
    )
  addConfigOptions(command, 'tables')
    .optionsGroup('Check:')
    .addOption(
      new Option(
        '--from-mode <mode>',
        "kube-proxy's mode today (default: as its ConfigMap or the file of --config says, or its rules on this node)",
      ).choices(['iptables', 'ipvs', 'nftables']),
    )
    .option('--this-node', 'look at this machine although it is no Node of the cluster')
    .option('--json', 'print one JSON object')
    .addHelpText('after', () => fitText(checkHelp))
    .action(async (flags) => (await import('./check.ts')).check(flags))
}

function addStatus(program: Command): void {
  program
    .command('status')
    .summary('tell how the Portolan of this node does')
    .description(
      'Tells how the Portolan that serves this node does: what runs, how far it has read the cluster, whether the kernel ' +
        'holds all of it, what is wrong, and what others did to its rules. Asks the running process; changes nothing.',
    )
    .option(
      '--metrics-bind-address <address>',
      'where it serves its metrics (default: where the process itself says, else 127.0.0.1:10249)',
    )
    .option('--json', 'print one JSON object, as /status beside the metrics has it')
    .addHelpText('after', () => fitText(statusHelp))
    .action(async (flags) => (await import('./status.ts')).status(flags))
}

function addSwitch(program: Command): void {
  program
    .command('switch')
    .summary('tell how to go to another dataplane without a gap')
    .description(
      'Tells whether another dataplane can run on this node, what Services would lack with it, and the exact steps by ' +
        'which it takes over from the one that serves now, without a gap. Changes nothing.',
    )
    .argument('<dataplane>', 'as after --dataplane')
    .addHelpText('after', () => fitText(switchHelp))
    .action(async (name) => (await import('./switch.ts')).switchDataplane(name))
}

function addPlan(program: Command): void {
  const command = program
    .command('plan')
    .summary('print the program that would be applied; changes nothing')
    .description(
      "Prints the exact program that would be applied to this node, in the dataplane's own language. Changes nothing.",
    )
  addConfigOptions(command, 'tables')
    .optionsGroup('Plan:')
    .addOption(
      new Option('--from <state>', 'start from nothing (needs no root), or from what this kernel holds now')
        .choices(['nothing', 'kernel'])
        .default('nothing'),
    )
    .addHelpText('after', () => fitText(planHelp))
    .action(async (flags) => (await import('./plan.ts')).plan(flags))
}

function addExplain(program: Command): void {
  const command = program
    .command('explain')
    .summary('explain what happens to a connection, and why')
    .description(
      'Explains what happens to a new connection at this node, by which rules, and why. Changes nothing.',
    )
  addConfigOptions(command, 'tables')
    .optionsGroup('Connection:')
    .addOption(
      new Option(
        '--from <source>',
        "pod, node, outside, or an IP address; add '--from kernel' to compare the rules with this node's kernel",
      )
        .argParser((value, before: readonly string[] = []) => [...before, value])
        .makeOptionMandatory(),
    )
    .requiredOption(
      '--to <destination>',
      'IP:PORT/PROTO, [IPv6]:PORT/PROTO, or node:PORT/PROTO; PROTO is TCP unless said',
    )
    .addOption(
      new Option('--family <family>', 'family of node:PORT (default: the first that answers)').choices([
        'IPv4',
        'IPv6',
      ]),
    )
    .option('--json', 'print one JSON object')
    .addHelpText('after', () => fitText(explainHelp))
    .action(async (flags) => (await import('./explain.ts')).explain(flags))
}

/** Its options are its own business: it is another package. */
function addBench(program: Command): void {
  program
    .command('bench')
    .summary('measure the dataplanes that this node can run')
    .helpOption(false)
    .allowUnknownOption()
    .argument('[arguments...]')
    .action(async (args: readonly string[]) => (await import('./bench.ts')).bench(args))
}

/** Like that. */
function addCreate(program: Command): void {
  program
    .command('create')
    .summary('make a package for a new dataplane: create dataplane NAME')
    .helpOption(false)
    .allowUnknownOption()
    .argument('[arguments...]')
    .action(async (args: readonly string[]) => (await import('./create.ts')).create(args))
}

/** Like that. */
function addEval(program: Command): void {
  program
    .command('eval')
    .summary('make a scorecard of a dataplane: real packets, figures, faults')
    .helpOption(false)
    .allowUnknownOption()
    .argument('[arguments...]')
    .action(async (args: readonly string[]) => (await import('./eval.ts')).evaluate(args))
}

/** Like that. */
function addFuzz(program: Command): void {
  program
    .command('fuzz')
    .summary('search a dataplane for faults: random clusters, changes, packets')
    .helpOption(false)
    .allowUnknownOption()
    .argument('[arguments...]')
    .action(async (args: readonly string[]) => (await import('./eval.ts')).fuzz(args))
}

function addRecord(program: Command): void {
  program
    .command('record')
    .summary("record a cluster's Services and their changes, to benchmark with")
    .description(
      "Records a cluster's Services, endpoints and Nodes, and then every change with its time, into one file. Only " +
        'reads. Names and addresses are replaced by pseudonyms that fit together; they cannot be reversed.',
    )
    .option(
      '--kubeconfig <file>',
      "record the cluster that this kubeconfig names (in a pod: the pod's own cluster)",
    )
    .option('--source <kind:path>', 'record a file (file:PATH), or another recording (recording:PATH)')
    .option(
      '--recording-speed <factor>',
      'speed at which that recording is replayed, as a factor (default: 1)',
    )
    .option('--minutes <number>', 'how long; Ctrl-C ends it sooner', '10')
    .requiredOption('-o, --output <file>', 'the file to write, readable by its owner only')
    .option('--plain', 'keep real names and addresses')
    .addHelpText('after', () => fitText(recordHelp))
    .action(async (flags) => (await import('./record.ts')).record(flags))
}

function addCleanup(program: Command): void {
  program
    .command('cleanup')
    .summary('remove everything that Portolan made in this kernel')
    .description(
      'Removes everything that Portolan ever made on this node, by whichever of its dataplanes, and nothing else. ' +
        'Services stop working on this node until something programs them again, and connections through them may ' +
        'break. Refuses while portolan run is at work on the node, which would repair what cleanup removes: stop it ' +
        'first. Needs root, or what the dataplane needs to run.',
    )
    .option(
      '--dataplane <name>',
      'what this dataplane has made alone; the only way for one that is not our own',
    )
    .option(
      '--dataplane-option <name=value>',
      'an option of the dataplane; may be repeated',
      (value, before: string[] = []) => [...before, value],
    )
    .option('--force', 'clean up even beside a portolan run')
    .addHelpText('after', () => fitText(cleanupHelp))
    .action(async (flags) => (await import('./cleanup.ts')).cleanup(flags))
}

function addInstall(program: Command): void {
  const repeatable = (value: string, before: readonly string[] = []) => [...before, value]
  const command = program
    .command('install')
    .summary('print the manifests that install Portolan in a cluster')
    .description(
      'Prints the YAML that runs Portolan on every node of a cluster: an account with the rights it needs, its ' +
        'configuration, and a DaemonSet that is not privileged. Asks no cluster and changes nothing.',
    )
    .option('--print', 'print it; needed, so that nobody waits for something to happen')
    .option(
      '--api-server <url>',
      "the control plane's address, reachable from every node: no ClusterIP, which takes a proxy to answer",
    )
    .option('--image <name>', `the container image (default: portolan:${readVersion()})`)
    .option('--namespace <name>', 'where to (default: kube-system)')
    .option('--name <name>', 'of the DaemonSet, its account, role and ConfigMap (default: portolan)')
    .option('--node-selector <key=value>', 'only nodes with this label; may be repeated', repeatable)
    .option(
      '--config <file>',
      "take this configuration of kube-proxy's as it is, in place of the flags below",
    )
    .option(
      '--config-map <name>',
      "take the cluster's ConfigMap of this name, as kubeadm's kube-proxy has it",
    )
  addInstalledOptions(command)
    .addHelpText('after', () => fitText(installHelp))
    .action(async (flags) => (await import('./install.ts')).install(flags))
}

function addConfig(program: Command): void {
  program
    .command('config')
    .summary('check a configuration file')
    .command('check')
    .argument('<file>', "kube-proxy's, or what --write-config-to wrote")
    .summary('say what a configuration file comes to')
    .description(
      "Says which fields of a configuration file count, which don't, and which mean something else than in kube-proxy, " +
        'each with its reason. Changes nothing.',
    )
    .option('--json', 'print one JSON object')
    .addHelpText('after', () => fitText(configCheckHelp))
    .action(async (file, flags) => (await import('./config-check.ts')).checkConfig(file, flags))
}

function addHelpDataplane(program: Command): void {
  program
    .command('help-dataplane')
    .argument('<name>', 'as after --dataplane')
    .summary('show what a dataplane can do, and its options')
    .description('Shows what a dataplane can do, and what --dataplane-option may say to it. Changes nothing.')
    .addHelpText('after', () => fitText(`\nExamples:\n  $ portolan help-dataplane ipvs\n${exitCodeHelp}`))
    .action(async (name) => (await import('./help-dataplane.ts')).helpDataplane(name))
}

function addVersion(program: Command): void {
  program
    .command('version')
    .summary('show what is installed here')
    .description(
      'Shows the versions of Portolan, of Node.js, of the kernel and of the dataplanes that are installed beside it, and ' +
        'what each of these can do. Changes nothing.',
    )
    .option('--json', 'print one JSON object')
    .addHelpText('after', () => fitText(versionHelp))
    .action(async (flags) => (await import('./show-version.ts')).showVersion(flags))
}
