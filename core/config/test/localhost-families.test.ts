import test from 'ava'
import type { IpFamily } from '../../network/address.ts'
import { parseFlags } from '../flags.ts'
import { localhostFamilies } from '../localhost-families.ts'

interface Row {
  readonly claim: string
  readonly addresses: readonly string[]
  readonly localhostNodePorts?: boolean
  readonly nftables: readonly IpFamily[]
  readonly iptables: readonly IpFamily[]
}

/** The other dataplanes are as nftables. */
const rows: readonly Row[] = [
  { claim: 'the primary address alone: none', addresses: ['primary'], nftables: [], iptables: [] },
  {
    claim: 'localhost: both',
    addresses: ['primary', 'localhost'],
    nftables: ['IPv4', 'IPv6'],
    iptables: ['IPv4', 'IPv6'],
  },
  {
    claim: 'a loopback CIDR: its family',
    addresses: ['primary', '127.0.0.1/32'],
    nftables: ['IPv4'],
    iptables: ['IPv4'],
  },
  { claim: '::1: IPv6', addresses: ['primary', '::1/128'], nftables: ['IPv6'], iptables: ['IPv6'] },
  { claim: 'all addresses: IPv4 with iptables', addresses: ['all'], nftables: [], iptables: ['IPv4'] },
  {
    claim: 'all addresses, and loopback by name: its family',
    addresses: ['all', '::1/128'],
    nftables: ['IPv6'],
    iptables: ['IPv4', 'IPv6'],
  },
  {
    claim: 'no range of IPv4: all its addresses',
    addresses: ['2001:db8::/64'],
    nftables: [],
    iptables: ['IPv4'],
  },
  {
    claim: 'a range without loopback: none',
    addresses: ['192.0.2.0/24', '2001:db8::/64'],
    nftables: [],
    iptables: [],
  },
  {
    claim: 'with localhostNodePorts off, none with iptables',
    addresses: ['all', 'localhost'],
    localhostNodePorts: false,
    nftables: ['IPv4', 'IPv6'],
    iptables: [],
  },
]

for (const { claim, addresses, localhostNodePorts = true, ...expected } of rows) {
  test(`families of localhost NodePorts: ${claim}`, (t) => {
    const flags = { source: 'file:none.yaml', nodeportAddresses: addresses.join(',') }
    const { nodePortAddresses } = parseFlags(flags, { inCluster: false })
    for (const dataplane of ['nftables', 'iptables'] as const)
      t.deepEqual(
        localhostFamilies({ dataplane, nodePortAddresses, localhostNodePorts }),
        expected[dataplane],
        dataplane,
      )
  })
}
