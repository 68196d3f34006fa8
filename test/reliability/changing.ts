/** `npm run changing`: what becomes of packets while a node goes from one dataplane to another; see docs/changing.md. */
import { Command, InvalidArgumentError } from 'commander'
import { takeOwnCgroup } from '../own-cgroup.ts'
import { takeOwnMounts } from '../own-mounts.ts'
import { type Build, buildOtherwise, checkedOut } from './build.ts'
import {
  type Choice,
  circuit,
  killAtEachStep,
  SwitchedNode,
  type SwitchOutcome,
  switchComplaints,
} from './dataplane-switch.ts'
import { exitOnSignals } from './exit-on-signals.ts'
import { createScene, type DataplaneName, dataplanes } from './scene.ts'

const values = new Command('npm run changing --')
  .description(
    'Takes a node from each of nftables, iptables and ebpf to each other one while packets flow, and counts what is lost: ' +
      'new connections, long ones and flows of UDP, to ClusterIP, NodePort and load balancer, in both families. Needs root. ' +
      'The exit code is 1 where anything is.',
  )
  .option('--rounds <number>', 'how often to go around', numberUpTo(1000), 1)
  .option(
    '--path <names>',
    'go this way instead, such as nftables,ebpf,nftables. What follows a + is an option of the dataplane, or a flag: ' +
      'iptables+variant=nft+--masquerade-bit=13. What follows an @ is the folder of another checkout, set up, whose build is ' +
      'to run: ebpf@/srv/portolan-before; ebpf@other is a build of this one with other layouts. ipvs needs a kernel that has ' +
      'it, as npm run vm',
  )
  .option(
    '--every <ms>',
    'milliseconds between two new connections, in each of 8 ways',
    numberUpTo(10_000),
    8,
  )
  .option('--held <number>', 'long connections, and flows of UDP, in each of 8 ways', numberUpTo(1000), 25)
  .option('--services <number>', 'beside those that are asked', numberUpTo(30_000), 50)
  .option('--endpoints <number>', 'of each of those, in each family', numberUpTo(200), 3)
  .option(
    '--large',
    '10,000 Services of 10 endpoints, 1,000 new connections in a second, 200 long ones and 200 flows of UDP',
  )
  .option('--kill', 'kill each next process at every step that it tells of, before it may finish')
  .option('--slowness <factor>', 'how many times as long as usual the machine takes', numberUpTo(100), 1)
  .option('--json', 'print all figures')
  .parse()
  .opts<{
    rounds: number
    path?: string
    every: number
    held: number
    services: number
    endpoints: number
    large?: true
    kill?: true
    slowness: number
    json?: true
  }>()

function numberUpTo(most: number): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (/^\d+$/.test(text) && number >= 1 && number <= most) return number
    throw new InvalidArgumentError(`must be a whole number from 1 to ${most}.`)
  }
}

async function readPath(text: string): Promise<readonly Choice[]> {
  const choices: Choice[] = []
  for (const part of text.split(',')) {
    const [what = '', where] = part.split('@')
    const [name = '', ...given] = what.split('+')
    if (!isDataplane(name)) {
      console.error(`changing: no dataplane '${name}'; name one of ${dataplanes.join(', ')}`)
      process.exit(2)
    }
    choices.push({
      name,
      options: given.filter((one) => !one.startsWith('--')),
      flags: given.filter((one) => one.startsWith('--')),
      ...(where === undefined ? {} : { build: where === 'other' ? await otherBuild() : checkedOut(where) }),
    })
  }
  return choices
}

function isDataplane(name: string): name is DataplaneName {
  return (dataplanes as readonly string[]).includes(name)
}

let other: Promise<Build> | undefined
function otherBuild(): Promise<Build> {
  other ??= buildOtherwise()
  return other
}

const path = values.path === undefined ? circuit : await readPath(values.path)
const [first] = path
if (first === undefined || path.length < 2) {
  console.error(`changing: --path ${values.path}: name at least two dataplanes`)
  process.exit(2)
}
if (values.path !== undefined && values.path.split(',')[0] !== first.name) {
  console.error(
    `changing: --path ${values.path}: begin with the present build of a dataplane, without options`,
  )
  process.exit(2)
}
if (values.rounds > 1 && path.at(-1)?.name !== first.name) {
  console.error(`changing: --path ${values.path}: to be gone through again, it has to end where it begins`)
  process.exit(2)
}
if (process.getuid?.() !== 0) {
  console.error('changing: it makes network namespaces, which needs root: run it with sudo')
  process.exit(1)
}
takeOwnMounts()
takeOwnCgroup()
exitOnSignals()

const outcomes: SwitchOutcome[] = []
{
  const { slowness, large } = values
  const { services, endpoints } = large ? { services: 10_000, endpoints: 10 } : values
  const { every: everyMs, held } = large ? { every: 8, held: 25 } : values
  const cluster = { server: 'embedded', services, endpoints, slowness } as const
  await using scene = await createScene({ dataplane: first.name, ...cluster })
  await using node = new SwitchedNode(scene)
  for (let round = 0; round < values.rounds; round++)
    for (const to of path.slice(1)) {
      let killed: readonly string[] = []
      const outcome = await node.switchTo(to, { everyMs, held }, async (successor) => {
        if (values.kill) killed = await killAtEachStep(successor)
        else successor.start()
      })
      outcomes.push(outcome)
      for (const line of switchComplaints(outcome)) console.error(`BAD  ${line}`)
      if (values.json) console.log(JSON.stringify(outcome))
      else console.log(rowOf(outcome))
      if (killed.length > 0) console.log(`  killed at: ${killed.join(', ')}`)
    }
}
process.exit(outcomes.some((outcome) => switchComplaints(outcome).length > 0) ? 1 : 0)

function rowOf({ from, to, load, seconds, memory }: SwitchOutcome): string {
  const { tried, lost, held, asked, broken, said, unanswered, repeated } = load
  const [mine, both, after] = [memory.process, memory.kernelWithBoth, memory.kernelAfter].map((bytes) =>
    (bytes / 2 ** 20).toFixed(0),
  )
  return (
    `${from} -> ${to}: ${tried} new (${(tried / load.seconds).toFixed(0)}/s), ${lost} lost; ${held} long (asked ${asked} times), ${broken} broken; ` +
    `${said} datagrams, ${unanswered} unanswered, ${repeated} of the node sent again; ${seconds.switched.toFixed(1)} s until ` +
    `switched, ${seconds.removed.toFixed(1)} s until removed; process ${mine} MiB, kernel ${both} MiB more with both, ${after} after`
  )
}
