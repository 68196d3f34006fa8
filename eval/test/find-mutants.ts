/** `npm run mutants`: how long `portolan fuzz` takes to find each mutant of a dataplane of ours. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { interferences, misunderstandings } from '@portolan/conformance/mutants'
import { Argument, Command } from 'commander'
import { execa } from 'execa'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Of the kit's: those that a single packet, or a look at the kernel, can show. */
const behaviours = ['changesIPv4Only', 'changesLeaveOpenAddressesOut', 'neverLooksAgain', 'trustsWhatItFinds']

/** What the search can't see, and who does. */
const leftToOthers: Readonly<Record<string, string>> = {
  hasNoAffinity: 'affinity is asked about by the conformance kit',
  knowsNodeAddressesOfTheStartOnly: "addresses of the node that come and go are the conformance kit's",
  takesRefusedForApplied: 'calls that fail within an apply: the model',
  takesFailedForApplied: 'calls that fail within an apply: the model',
  keepsItsNumbers: 'calls that fail within an apply: the model',
  'iptables hasNoHairpin':
    "one rule compares a packet's source with its destination; there are no hairpin addresses",
  'ebpf hasNoHairpin': 'its programs compare the endpoint with the client, and have no hairpin addresses',
  'ebpf neverMasqueradesTheNode':
    'a socket of the node gets its source address after its destination is translated, so there is nothing to masquerade',
  // They are told of by connection tracking, which that one does without.
  'ebpf losesDirectFlowsFromSharedPorts':
    'flows of eBPF are not translated by connection tracking: takesDirectAnswersForTheServices',
}

interface Flags {
  readonly minutes: string
  readonly seed: string
  readonly only?: string
}

const command = new Command('npm run mutants --')
  .description(
    'Runs portolan fuzz with each mutant of a dataplane, and tells after how many seconds it was found. The exit code is 1 when one was not.',
  )
  .addArgument(new Argument('<dataplane>', 'of ours').choices(['nftables', 'iptables', 'ebpf']))
  .option('--minutes <number>', 'for each mutant', '5')
  .option('--seed <number>', 'of each search', '1')
  .option('--only <text>', 'the mutants whose names hold it')
  .parse()
const [dataplane = ''] = command.args
const { minutes, seed, only = '' } = command.opts<Flags>()

const folder = join(root, 'dataplanes', dataplane, 'test')
const { ownMutants } = (await import(join(folder, 'mutant.ts'))) as { readonly ownMutants: readonly string[] }
const names = [...behaviours, ...ownMutants, ...Object.keys({ ...misunderstandings, ...interferences })]
const wanted = names.filter((one) => one.includes(only))
if (wanted.length === 0)
  command.error(`error: no mutant of ${dataplane} has '${only}' in its name; there are ${names.join(', ')}`)
const work = await mkdtemp(join(tmpdir(), 'portolan-mutants-'))
try {
  for (const name of wanted) {
    const others = leftToOthers[name] ?? leftToOthers[`${dataplane} ${name}`]
    if (others === undefined) await find(name)
    else console.log(`      -  ${name}: ${others}`)
  }
} finally {
  await rm(work, { recursive: true, force: true })
}

async function find(name: string): Promise<void> {
  const json = join(work, `${name}.json`)
  const subject = `${join(folder, 'mutant.ts')}?mutant=${name}`
  const ask = ['--seed', seed, '--minutes', minutes, '--shrink', '10', '--json', json]
  const { stderr } = await execa(
    process.execPath,
    [join(root, 'core', 'cli', 'portolan.js'), 'fuzz', subject, ...ask],
    { reject: false },
  )
  const told = await readFile(json, 'utf8').catch(() => undefined)
  const { found, brokenOff, rounds } = told === undefined ? {} : JSON.parse(told)
  if (found === undefined) {
    process.exitCode = 1
    console.log(`not found  ${name}: ${brokenOff?.why ?? JSON.stringify(rounds) ?? stderr.slice(-200)}`)
    return
  }
  const { afterMs, path, wrong } = found as { afterMs: number; path: string; wrong: string }
  const seconds = `${Math.round(afterMs / 1000)} s`
  const [place] = path.split(':')
  console.log(`${seconds.padStart(9)}  ${name}: ${place}: ${wrong.split('\n')[0]?.slice(0, 110)}`)
}
