/** `npm run reliability`: what becomes of packets and changes while everything fails; see docs/reliability.md. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { takeOwnCgroup } from '../own-cgroup.ts'
import { takeOwnMounts } from '../own-mounts.ts'
import { exitOnSignals } from './exit-on-signals.ts'
import { faults } from './faults/index.ts'
import { complaints, outcomeRow, outcomeTable, sums } from './outcome-table.ts'
import { runFaults } from './run-faults.ts'
import { dataplanes } from './scene.ts'
import { isGood } from './try-fault.ts'

interface Flags {
  readonly dataplane: string
  readonly only: readonly string[]
  readonly real?: true
  readonly long?: true
  readonly services: number
  readonly slowness: number
  readonly json?: true
  readonly markdown?: true
  readonly list?: true
}

const values = new Command('npm run reliability --')
  .description(
    'Makes faults around a running proxy, of the API server, the kernel, other programs and the node, while packets flow ' +
      'and the cluster changes, and counts what is lost: see docs/reliability.md. Needs root. The exit code is 1 where a ' +
      'row is bad.',
  )
  .option(
    '--dataplane <names>',
    `which to try: ${dataplanes.join(', ')}; ipvs needs a kernel that has it, as npm run vm`,
    'nftables,iptables,ebpf',
  )
  .addOption(
    new Option('--only <text>', "the faults whose name holds it, such as 'kill -9'; may be repeated")
      .argParser(collect)
      .default([], 'all'),
  )
  .option('--real', 'a real kube-apiserver in place of the embedded one; needs Go')
  .option('--long', 'outages of minutes instead of seconds')
  .option('--services <number>', 'beside those that are asked: 1 to 10000', numberUpTo(10_000), 50)
  .option(
    '--slowness <factor>',
    'how much slower than usual the machine is, as a VM: 1 to 100',
    numberUpTo(100),
    1,
  )
  .option('--json', 'print all figures')
  .option('--markdown', 'print the tables of docs/reliability.md')
  .option('--list', 'list the faults, and make none')
  .parse()
  .opts<Flags>()

function numberUpTo(most: number): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (/^\d+$/.test(text) && number >= 1 && number <= most) return number
    throw new InvalidArgumentError(`must be a whole number from 1 to ${most}.`)
  }
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}

const names = values.dataplane.split(',')
const chosen = dataplanes.filter((name) => names.includes(name))
const { services, slowness } = values
const isNamed = (name: string) => values.only.length === 0 || values.only.some((part) => name.includes(part))
const wanted = faults.filter(({ group, name }) => isNamed(`${group}: ${name}`))
const unknown = names.find((name) => !chosen.some((one) => one === name))
if (unknown !== undefined) {
  console.error(`reliability: --dataplane ${unknown}: must be some of ${dataplanes.join(', ')}`)
  process.exit(2)
}
if (wanted.length === 0) {
  console.error(
    `reliability: --only ${values.only.join(' --only ')}: no fault has that in its name; --list names them`,
  )
  process.exit(2)
}
if (values.list) {
  for (const { group, name } of wanted) console.log(`${group}: ${name}`)
  process.exit()
}
if (process.getuid?.() !== 0) {
  console.error('reliability: it makes network namespaces, which needs root: run it with sudo')
  process.exit(1)
}
takeOwnMounts()
takeOwnCgroup()
exitOnSignals()

const begun = performance.now()
const tell = (line: string) => console.error(`${Math.round((performance.now() - begun) / 1000)} s  ${line}`)
const outcomes = await runFaults({
  faults: wanted,
  dataplanes: chosen,
  server: values.real ? 'kube-apiserver' : 'embedded',
  services,
  slowness,
  extent: values.long ? 'long' : 'usual',
  onStep: tell,
  // Each at once: a machine in QEMU may be ended by its time limit.
  onOutcome: (outcome) => {
    tell(`  ${outcomeRow(outcome)}`)
    for (const line of complaints(outcome)) tell(`  BAD  ${line}`)
  },
}).catch((error: unknown): never => {
  console.error(`reliability: ${error instanceof Error ? error.message : String(error)}`)
  process.exit(1)
})
if (values.json) console.log(JSON.stringify(outcomes, undefined, 2))
else console.log(`\n${outcomeTable(outcomes, { markdown: values.markdown === true })}`)
if (values.json) console.error(sums(outcomes))
process.exit(outcomes.every(isGood) ? 0 : 1)
