import { SystemCommand } from '@portolan/native/system-command'
import { ipvsadm } from '../kernel/ipvsadm.ts'

type Damage = (command: SystemCommand) => Promise<void>

/** Runs a program for both families, each with what belongs to it. */
async function both(
  command: SystemCommand,
  make: (six: boolean) => readonly [string, ...string[]],
): Promise<void> {
  for (const six of [false, true]) {
    const [program, ...args] = make(six)
    await command.run(program, args)
  }
}

const iptables = (six: boolean) => (six ? 'ip6tables' : 'iptables')
const set = (six: boolean, name: string) => `PORTOLAN-IPVS-${six ? '6-' : ''}${name}`
const flushing =
  (name: string): Damage =>
  (command) =>
    both(command, (six) => ['ipset', 'flush', set(six, name)])

/**
 * Lines of `ipvsadm -Sn` that a function makes of each, for `ipvsadm -R`. Destinations that drain (weight 0) are left
 * alone: the dataplane may delete one in between, and then ipvsadm finds no such destination.
 */
async function rewrite(command: SystemCommand, make: (line: string) => string | undefined): Promise<void> {
  const saved = await ipvsadm(command, ['-Sn'])
  const staying = saved.split('\n').filter((line) => !/ -w 0\b/.test(line))
  const lines = staying.flatMap((line) => make(line) ?? [])
  await ipvsadm(command, ['-R'], `${lines.join('\n')}\n`)
}

/**
 * What befalls a node from outside. Three damages are in kernel-checks.ts instead, because they leave IPVS with connections
 * that never close to it, and a Service that is removed meanwhile drains until IPVS forgets them (docs/ipvs-layout.md): while
 * `vs.conntrack` is off no mark follows a connection, for a quarter of an hour; a rule that drops answers leaves
 * connections half open, for a minute, and so does a loss of the rules in mangle alone, which lead all but the first packet.
 */
const damages: readonly Damage[] = [
  (command) => ipvsadm(command, ['-C']).then(() => {}),
  flushing('SERVED'),
  async (command) => {
    for (const name of ['MASQ-OUTSIDE', 'CLUSTER-IPS']) await flushing(name)(command)
  },
  async (command) => {
    await both(command, (six) => [iptables(six), '-t', 'nat', '-F', 'PORTOLAN-IPVS-LEAD'])
    await both(command, (six) => [iptables(six), '-t', 'mangle', '-F', 'PORTOLAN-IPVS-PREROUTING'])
  },
  (command) =>
    both(command, (six) => [
      iptables(six),
      '-t',
      'nat',
      '-D',
      'POSTROUTING',
      '-j',
      'PORTOLAN-IPVS-POSTROUTING',
    ]),
  (command) => both(command, (six) => ['ip', six ? '-6' : '-4', 'rule', 'del', 'priority', '30']),
  (command) => both(command, (six) => ['ip', six ? '-6' : '-4', 'route', 'flush', 'table', '20559']),
  // Every destination gets a weight that isn't ours.
  (command) =>
    rewrite(command, (line) =>
      line.startsWith('-a ') ? line.replace('-a ', '-e ').replace(/-w \d+/, '-w 7') : undefined,
    ),
  // Every virtual server loses its destinations.
  (command) =>
    rewrite(command, (line) =>
      line.startsWith('-a ') ? line.replace('-a ', '-d ').replace(/ -m.*/, '') : undefined,
    ),
  // Every virtual server gets another scheduler, and is no longer marked as ours.
  (command) =>
    rewrite(command, (line) =>
      line.startsWith('-A ') ? `${line.replace('-A ', '-E ').replace(/ -s.*/, '')} -s lc` : undefined,
    ),
  async (command) => {
    for (const table of ['mangle', 'nat', 'filter']) {
      await both(command, (six) => [iptables(six), '-t', table, '-F'])
      await both(command, (six) => [iptables(six), '-t', table, '-X'])
    }
    await command.run('ipset', ['destroy'])
  },
  // As many rules as before.
  (command) => both(command, (six) => [iptables(six), '-R', 'PORTOLAN-IPVS-FORWARD', '2', '-j', 'ACCEPT']),
]

/** Damages what is ours in one of several ways; false when there are no more. A hook of the conformance kit. */
export async function sabotage(networkNamespace: string, way: number): Promise<boolean> {
  const damage = damages[way]
  if (damage === undefined) return false
  await damage(new SystemCommand(networkNamespace))
  return true
}

/** Puts things of another tool beside ours; the function given tells whether they are still whole. Also a hook. */
export async function foreign(networkNamespace: string): Promise<() => Promise<boolean>> {
  const command = new SystemCommand(networkNamespace)
  await ipvsadm(command, ['-A', '-t', '198.51.100.7:80', '-s', 'wrr'])
  await ipvsadm(command, ['-a', '-t', '198.51.100.7:80', '-r', '198.51.100.8:80', '-m', '-w', '3'])
  await command.run('ipset', ['create', 'SOMEBODY-ELSE', 'hash:ip'])
  await command.run('ipset', ['add', 'SOMEBODY-ELSE', '198.51.100.9'])
  await command.run('iptables', [
    '-A',
    'INPUT',
    '-m',
    'set',
    '--match-set',
    'SOMEBODY-ELSE',
    'src',
    '-j',
    'ACCEPT',
  ])
  await command.run('ip', ['rule', 'add', 'priority', '77', 'fwmark', '0x77', 'lookup', '77'])
  return async () => {
    const [servers, sets, rules, routing] = await Promise.all([
      ipvsadm(command, ['-Sn']),
      command.run('ipset', ['save']),
      command.run('iptables-save', []),
      command.run('ip', ['rule', 'list']),
    ])
    return (
      servers.includes('-a -t 198.51.100.7:80 -r 198.51.100.8:80 -m -w 3') &&
      sets.includes('add SOMEBODY-ELSE 198.51.100.9') &&
      rules.includes('--match-set SOMEBODY-ELSE src -j ACCEPT') &&
      routing.includes('fwmark 0x77 lookup 77')
    )
  }
}
