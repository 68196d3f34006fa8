/** `npm run changing`: what becomes of packets while a node goes from one dataplane to another; see docs/changing.md. */
import { Command, InvalidArgumentError } from 'commander'
import { takeOwnCgroup } from '../own-cgroup.ts'
import { takeOwnMounts } from '../own-mounts.ts'
import {
  type Choice,
  circuit,
  SwitchedNode,
  type SwitchOutcome,
  switchComplaints,
} from './dataplane-switch.ts'
import { exitOnSignals } from './exit-on-signals.ts'
import { createScene } from './scene.ts'

const values = new Command('npm run changing --')
  .description(
    'Takes a node from each of nftables, iptables and ebpf to each other one while packets flow, and counts what is lost: ' +
      'new connections, long ones and flows of UDP, to ClusterIP, NodePort and load balancer, in both families. Needs root. ' +
      'The exit code is 1 where anything is.',
  )
  .option('--rounds <number>', 'how often to go around', numberUpTo(1000), 1)
  .option('--path <names>', 'go this way instead, such as nftables,ebpf,nftables')
  .option(
    '--every <ms>',
    'milliseconds between two new connections, in each of 8 ways',
    numberUpTo(10_000),
    8,
  )
  .option('--held <number>', 'long connections, and flows of UDP, in each of 8 ways', numberUpTo(1000), 25)
  .option(
    '--services <number>',
    'beside those that are asked; with ebpf, whose maps are small here, 3000 at most',
    numberUpTo(30_000),
    50,
  )
  .option('--json', 'print all figures')
  .parse()
  .opts<{ rounds: number; path?: string; every: number; held: number; services: number; json?: true }>()

function numberUpTo(most: number): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (/^\d+$/.test(text) && number >= 1 && number <= most) return number
    throw new InvalidArgumentError(`must be a whole number from 1 to ${most}.`)
  }
}

function readPath(text: string): readonly Choice[] {
  return text.split(',').map((part) => {
    const [name = '', ...options] = part.split('+')
    if (name !== 'nftables' && name !== 'iptables' && name !== 'ebpf') {
      console.error(`changing: no dataplane '${name}'; name nftables, iptables or ebpf`)
      process.exit(2)
    }
    return { name, options }
  })
}

const path = values.path === undefined ? circuit : readPath(values.path)
const [first] = path
const again = path.find(({ name }, index) => name === path[index - 1]?.name)
if (first === undefined || path.length < 2 || again !== undefined) {
  console.error(
    `changing: --path ${values.path}: name at least two dataplanes, never the same twice in a row`,
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
  const { services, every: everyMs, held } = values
  await using scene = await createScene({ dataplane: first.name, server: 'embedded', services, slowness: 1 })
  await using node = new SwitchedNode(scene)
  for (let round = 0; round < values.rounds; round++)
    for (const to of path.slice(1)) {
      const outcome = await node.switchTo(to, { everyMs, held })
      outcomes.push(outcome)
      for (const line of switchComplaints(outcome)) console.error(`BAD  ${line}`)
      if (values.json) console.log(JSON.stringify(outcome))
      else console.log(rowOf(outcome))
    }
}
process.exit(outcomes.some((outcome) => switchComplaints(outcome).length > 0) ? 1 : 0)

function rowOf({ from, to, load, seconds }: SwitchOutcome): string {
  const { tried, lost, held, asked, broken, said, unanswered, repeated } = load
  return (
    `${from} -> ${to}: ${tried} new, ${lost} lost; ${held} long (asked ${asked} times), ${broken} broken; ` +
    `${said} datagrams, ${unanswered} unanswered, ${repeated} of the node sent again; ${seconds.switched.toFixed(1)} s until ` +
    `switched, ${seconds.removed.toFixed(1)} s until removed`
  )
}
