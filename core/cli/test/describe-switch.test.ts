import test from 'ava'
import type { Capabilities } from '../../dataplane/contract.ts'
import { describeSwitch, type Switch } from '../describe-switch.ts'

const both: Pick<Capabilities, 'families' | 'gaps'> = { families: ['IPv4', 'IPv6'], gaps: {} }
const nftables = {
  name: 'nftables',
  capabilities: { ...both, protocols: ['TCP', 'UDP', 'SCTP'], connections: 'conntrack' },
  drain: async () => ({ connections: 0 }),
} as const satisfies Switch['to']
const ebpf = {
  name: 'ebpf',
  capabilities: { ...both, protocols: ['TCP', 'UDP'], gaps: { atomicChange: 'one after the other' } },
  drain: async () => ({ connections: 0 }),
} as const satisfies Switch['to']
const holder = {
  ...{ command: 'run', pid: 4711, since: '2026-01-05T08:00:00.000Z', version: '0.1.0' },
  dataplane: 'nftables',
} as const satisfies Switch['holder']

test('the command is that of the process, with the other dataplane and without options of the old one', (t) => {
  const args = [
    '--dataplane=nftables',
    '--dataplane-option',
    'transport=nft',
    '--cluster-cidr',
    '10.1.0.0/16',
    '--node',
    "it's",
  ]
  const lines = describeSwitch({ to: ebpf, from: nftables, holder, facts: { kernel: '6.18' }, args })
  t.is(lines[0], 'ebpf can run on this node (kernel 6.18).')
  t.true(
    lines.includes("  2. portolan run --dataplane ebpf --cluster-cidr 10.1.0.0/16 --node 'it'\\''s'"),
    lines.join('\n'),
  )
  t.true(lines.some((line) => line.includes('kill 4711')))
  t.true(lines.some((line) => line.startsWith('Established connections stay with nftables')))
  t.true(
    lines.includes("Mind: ebpf can't translate SCTP: ports of that protocol are served no more."),
    lines.join('\n'),
  )
  t.true(
    lines.some((line) => line === 'Mind: ebpf lacks atomicChange: one after the other.'),
    lines.join('\n'),
  )
})

test('a process with a configuration file is led by that, unless a flag chooses the dataplane', (t) => {
  const led = describeSwitch({
    to: ebpf,
    from: nftables,
    holder,
    facts: {},
    args: ['--config', '/etc/p.yaml'],
  })
  t.true(led.some((line) => line.includes("'dataplane: ebpf'") && line.includes('/etc/p.yaml')))
  t.false(led.some((line) => line.includes('kill')))
  const args = ['--config=/etc/p.yaml', '--dataplane', 'nftables']
  const flagged = describeSwitch({ to: ebpf, from: nftables, holder, facts: {}, args })
  t.true(flagged.includes('  2. portolan run --dataplane ebpf --config=/etc/p.yaml'), flagged.join('\n'))
})

test('what can not be seen is said so, and a dataplane that serves already, or nobody', (t) => {
  const unseen = describeSwitch({ to: ebpf, holder, facts: {}, args: undefined })
  t.true(unseen.includes('  2. portolan run --dataplane ebpf, and all other flags as before'))
  t.false(unseen.join('\n').includes('kill'))
  t.regex(describeSwitch({ to: nftables, holder, facts: {}, args: [] })[1] ?? '', /serves the node already/)
  t.regex(describeSwitch({ to: nftables, facts: {}, args: undefined })[1] ?? '', /No Portolan serves/)
})
