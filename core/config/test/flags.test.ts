import test from 'ava'
import { parseAddress, parseCidr } from '../../network/address.ts'
import { ConfigError } from '../config-error.ts'
import { type Flags, parseFlags } from '../flags.ts'
import { podSource } from '../pod-source.ts'

const outsideCluster = { inCluster: false }
const read = (flags: Flags) => parseFlags({ source: 'file:cluster.yaml', ...flags }, outsideCluster)
const cidr = (text: string) => parseCidr(text)!

const standard = {
  source: { from: 'file', path: 'cluster.yaml' },
  dataplane: 'nftables',
  dataplaneSettings: {},
  podDetection: { mode: 'ClusterCIDR', cidrs: [] },
  nodePortAddresses: ['primary'],
  masqueradeAll: false,
  masqueradeBit: 14,
  minSyncPeriod: 0,
  auditPeriod: 1000,
  syncPeriod: 30_000,
  proxyMode: 'nftables',
  localhostNodePorts: true,
  servers: {
    healthz: { address: '0.0.0.0', port: 10_256 },
    metrics: { address: '127.0.0.1', port: 10_249 },
    bindAddressHardFail: false,
    enableProfiling: false,
    showHiddenMetricsForVersion: '',
  },
  oomScoreAdj: -999,
  conntrack: {
    maxPerCore: 32_768,
    min: 131_072,
    tcpEstablishedTimeout: 86_400_000,
    tcpCloseWaitTimeout: 3_600_000,
    udpTimeout: 0,
    udpStreamTimeout: 0,
    tcpBeLiberal: false,
  },
  kubeProxyConfiguration: {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
  },
}

const accepted: readonly [string, Flags, object][] = [
  [
    '--source recording: plays a recording, as fast as it was',
    { source: 'recording:cluster.rec' },
    { source: { from: 'recording', path: 'cluster.rec', speed: 1 } },
  ],
  [
    '--recording-speed plays it faster',
    { source: 'recording:cluster.rec', recordingSpeed: '2.5' },
    { source: { from: 'recording', path: 'cluster.rec', speed: 2.5 } },
  ],
  ['no flags give the defaults', {}, {}],
  ['--node names the node', { node: ' Node-A ' }, { nodeName: 'Node-A' }],
  ['--hostname-override is --node', { hostnameOverride: 'node-a' }, { nodeName: 'node-a' }],
  ['an empty --node is none', { node: '' }, {}],
  [
    '--cluster-cidr alone means ClusterCIDR',
    { clusterCidr: '10.244.0.0/16' },
    { podDetection: { mode: 'ClusterCIDR', cidrs: ['10.244.0.0/16'] } },
  ],
  [
    '--cluster-cidr takes a dual-stack pair, sloppily spelled',
    { clusterCidr: 'FD00::1/64, 010.244.0.1/16' },
    { podDetection: { mode: 'ClusterCIDR', cidrs: ['fd00::/64', '10.244.0.0/16'] } },
  ],
  ['mode NodeCIDR needs nothing', { detectLocalMode: 'NodeCIDR' }, { podDetection: { mode: 'NodeCIDR' } }],
  [
    'mode BridgeInterface takes its interface',
    { detectLocalMode: 'BridgeInterface', podBridgeInterface: 'cbr0' },
    { podDetection: { mode: 'BridgeInterface', name: 'cbr0' } },
  ],
  [
    'mode InterfaceNamePrefix takes its prefix',
    { detectLocalMode: 'InterfaceNamePrefix', podInterfaceNamePrefix: 'veth' },
    { podDetection: { mode: 'InterfaceNamePrefix', prefix: 'veth' } },
  ],
  [
    '--nodeport-addresses takes CIDRs of both families',
    { nodeportAddresses: '192.0.2.0/24,2001:db8::/64' },
    { nodePortAddresses: ['192.0.2.0/24', '2001:db8::/64'] },
  ],
  ["--nodeport-addresses takes 'primary'", { nodeportAddresses: 'primary' }, {}],
  [
    '--nodeport-addresses takes words and CIDRs together',
    { nodeportAddresses: 'primary, localhost,192.0.2.0/24' },
    { nodePortAddresses: ['primary', '127.0.0.0/8', '::1/128', '192.0.2.0/24'] },
  ],
  [
    "--nodeport-addresses takes 'all'",
    { nodeportAddresses: 'all' },
    { nodePortAddresses: ['0.0.0.0/0', '::/0'] },
  ],
  ['--masquerade-bit 0 is a bit', { masqueradeBit: '0' }, { masqueradeBit: 0 }],
  ['--iptables-masquerade-bit is the same', { iptablesMasqueradeBit: '31' }, { masqueradeBit: 31 }],
  [
    '--bind-address is canonical',
    { bindAddress: '192.0.2.010' },
    { bindAddress: parseAddress('192.0.2.10') },
  ],
  ['--min-sync-period takes a duration', { minSyncPeriod: '1m0.5s' }, { minSyncPeriod: 60_500 }],
  ['--audit-period 0 turns audits off', { auditPeriod: '0' }, { auditPeriod: 0 }],
  [
    'a dataplane option may hold an equals sign',
    { dataplaneOption: ['transport=nft', 'extra=a=b'] },
    { dataplaneSettings: { transport: 'nft', extra: 'a=b' } },
  ],
]

for (const [claim, flags, expected] of accepted) {
  test(claim, (t) => {
    t.deepEqual(read(flags) as object, { ...standard, ...expected })
  })
}

const rejected: readonly [string, Flags, RegExp][] = [
  [
    'a source that is neither file nor recording',
    { source: 'tape:a' },
    /^--source 'tape:a': write it as file:PATH or recording:PATH/,
  ],
  ['a recording without a path', { source: 'recording:' }, /^--source 'recording:': write it as/],
  [
    'a recording at no speed',
    { source: 'recording:a', recordingSpeed: '0' },
    /^--recording-speed '0': a factor from 0.01 to 10000/,
  ],
  [
    'a speed without a recording',
    { source: 'file:a', recordingSpeed: '2' },
    /^--recording-speed '2': needs a recording to play: --source recording:PATH/,
  ],
  ['a CIDR that is none', { clusterCidr: '10.0.0.0/33' }, /^--cluster-cidr '10.0.0.0\/33': not a CIDR/],
  ['an address for a CIDR', { clusterCidr: '10.0.0.1' }, /^--cluster-cidr '10.0.0.1': not a CIDR/],
  [
    'two cluster CIDRs of one family',
    { clusterCidr: '10.0.0.0/16,10.1.0.0/16' },
    /--cluster-cidr .*dual-stack pair/,
  ],
  ['three cluster CIDRs', { clusterCidr: '10.0.0.0/16,fd00::/64,fd01::/64' }, /dual-stack pair/],
  [
    'an unknown mode',
    { detectLocalMode: 'Guess' },
    /^--detect-local-mode 'Guess': unknown; one of ClusterCIDR/,
  ],
  [
    'BridgeInterface without its interface',
    { detectLocalMode: 'BridgeInterface' },
    /^--pod-bridge-interface: --detect-local-mode BridgeInterface needs it/,
  ],
  [
    'InterfaceNamePrefix without its prefix',
    { detectLocalMode: 'InterfaceNamePrefix', podInterfaceNamePrefix: '' },
    /^--pod-interface-name-prefix: /,
  ],
  [
    'an interface name that Linux would not take',
    { detectLocalMode: 'BridgeInterface', podBridgeInterface: 'a-name-too-long-for-linux' },
    /^--pod-bridge-interface 'a-name/,
  ],
  [
    'a node port address that is no CIDR',
    { nodeportAddresses: 'eth0' },
    /^--nodeport-addresses 'eth0': write a CIDR/,
  ],
  ['a mark bit over 31', { masqueradeBit: '32' }, /^--masquerade-bit '32'.*0 to 31/],
  ['a mark bit that is no number', { iptablesMasqueradeBit: '0x4' }, /^--iptables-masquerade-bit '0x4'/],
  ['a bind address that is none', { bindAddress: 'eth0' }, /^--bind-address 'eth0'/],
  ['a negative period', { minSyncPeriod: '-1s' }, /^--min-sync-period '-1s'/],
  ['a period without a unit', { minSyncPeriod: '30' }, /^--min-sync-period '30'.*250ms/],
  [
    'a dataplane option without a value',
    { dataplaneOption: ['fast'] },
    /^--dataplane-option 'fast'.*NAME=VALUE/,
  ],
  ['a source of an unknown kind', { source: 'http://x' }, /^--source 'http:\/\/x': write it as file:PATH/],
  ['a source file without a name', { source: 'file:' }, /^--source 'file:'/],
  ['two sources', { kubeconfig: 'config' }, /^--source .* conflicts with --kubeconfig/],
  [
    'two names for the node',
    { node: 'a', hostnameOverride: 'b' },
    /^--node 'a': conflicts with --hostname-override 'b'/,
  ],
]

for (const [claim, flags, message] of rejected) {
  test(`rejects ${claim}`, (t) => {
    t.throws(() => read(flags), { instanceOf: ConfigError, code: 'CONFIG_INVALID', message })
  })
}

test('names everything that is wrong at once', (t) => {
  const error = t.throws(() => read({ masqueradeBit: '99', bindAddress: 'x', clusterCidr: 'y' }), {
    instanceOf: ConfigError,
  })
  t.deepEqual(error.problems.map(({ flag }) => flag).sort(), [
    '--bind-address',
    '--cluster-cidr',
    '--masquerade-bit',
  ])
})

test('outside a cluster a source must be named, inside it is the cluster', (t) => {
  t.throws(() => parseFlags({}, outsideCluster), { message: /--kubeconfig FILE or --source file:/ })
  t.deepEqual(parseFlags({}, { inCluster: true }).source, { from: 'inCluster' })
  t.deepEqual(parseFlags({ kubeconfig: 'f' }, { inCluster: true }).source, { from: 'kubeconfig', path: 'f' })
})

const [first, second, six] = [cidr('10.1.0.0/16'), cidr('10.2.0.0/16'), cidr('fd00::/64')]

test('only the first CIDR of a family tells pods', (t) => {
  t.deepEqual(podSource({ mode: 'NodeCIDR' }, 'IPv4', [six, first, second]), { by: 'cidr', cidr: first })
  t.deepEqual(podSource({ mode: 'ClusterCIDR', cidrs: [first, six] }, 'IPv6', []), { by: 'cidr', cidr: six })
})

test('a family without a CIDR has no detector', (t) => {
  t.deepEqual(podSource({ mode: 'ClusterCIDR', cidrs: [first] }, 'IPv6', []), { by: 'none' })
  t.deepEqual(podSource({ mode: 'NodeCIDR' }, 'IPv4', []), { by: 'none' })
})

test('interface modes hold for both families', (t) => {
  t.deepEqual(podSource({ mode: 'BridgeInterface', name: 'cbr0' }, 'IPv6', []), {
    by: 'interface',
    name: 'cbr0',
  })
  t.deepEqual(podSource({ mode: 'InterfaceNamePrefix', prefix: 'veth' }, 'IPv4', []), {
    by: 'interfacePrefix',
    prefix: 'veth',
  })
})
