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
  startupTaint: false,
  takeOver: false,
  drainTimeout: 86_400_000,
  syncPeriod: 30_000,
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
  logLevel: 'info',
}

const ofIpvs = { dataplane: 'ipvs', nodePortAddresses: [], syncPeriod: 60_000 }

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
    'healthz and metrics may have one port at two addresses',
    { healthzBindAddress: '[::1]:9000', metricsBindAddress: '127.0.0.1:9000' },
    {
      servers: {
        ...standard.servers,
        healthz: { address: '::1', port: 9000 },
        metrics: { address: '127.0.0.1', port: 9000 },
      },
    },
  ],
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
  [
    'periods are durations',
    { minSyncPeriod: '1m0.5s', iptablesSyncPeriod: '2m' },
    { minSyncPeriod: 60_500, syncPeriod: 120_000 },
  ],
  [
    'with ipvs its own periods count',
    { proxyMode: 'ipvs', ipvsSyncPeriod: '1m', iptablesSyncPeriod: '2m' },
    ofIpvs,
  ],
  [
    'kube-proxy options of IPVS are the options of the dataplane',
    {
      dataplane: 'ipvs',
      ipvsScheduler: 'lc',
      ipvsExcludeCidrs: '192.0.2.0/24, 198.51.100.0/24',
      ipvsTcpTimeout: '15m0.1s',
      ipvsStrictArp: true,
      dataplaneOption: ['iptables=nft'],
    },
    {
      ...ofIpvs,
      syncPeriod: 30_000,
      dataplaneSettings: {
        scheduler: 'lc',
        'exclude-cidrs': '192.0.2.0/24,198.51.100.0/24',
        'tcp-timeout': '901',
        iptables: 'nft',
      },
    },
  ],
  ['and of no other dataplane', { ipvsScheduler: 'lc' }, {}],
  [
    'with iptables NodePorts answer everywhere, as in kube-proxy',
    { proxyMode: 'iptables', iptablesLocalhostNodeports: 'false' },
    { dataplane: 'iptables', nodePortAddresses: [], localhostNodePorts: false },
  ],
  [
    'another dataplane serves what is meant for iptables',
    { proxyMode: 'iptables', dataplane: 'ebpf' },
    { dataplane: 'ebpf', nodePortAddresses: [] },
  ],
  [
    'servers are where they are put',
    {
      healthzBindAddress: '192.0.2.1:80',
      metricsBindAddress: '::',
      bindAddressHardFail: true,
      profiling: 'true',
    },
    {
      servers: {
        ...standard.servers,
        healthz: { address: '192.0.2.1', port: 80 },
        metrics: { address: '::', port: 10_249 },
        bindAddressHardFail: true,
        enableProfiling: true,
      },
    },
  ],
  [
    'servers are of the family of the bind address',
    { bindAddress: '::' },
    {
      servers: {
        ...standard.servers,
        healthz: { address: '::', port: 10_256 },
        metrics: { address: '::1', port: 10_249 },
      },
    },
  ],
  [
    'a port of 0 turns a server off, another one moves it',
    { healthzPort: '0', metricsPort: '80' },
    {
      servers: {
        metrics: { address: '127.0.0.1', port: 80 },
        bindAddressHardFail: false,
        enableProfiling: false,
        showHiddenMetricsForVersion: '',
      },
    },
  ],
  ['-v 4 is the level debug', { v: '4' }, { logLevel: 'debug' }],
  ['--log-level goes before it', { v: '9', logLevel: 'warn' }, { logLevel: 'warn' }],
  [
    'conntrack and the OOM score are as given',
    {
      oomScoreAdj: '-500',
      conntrackMaxPerCore: '0',
      conntrackUdpTimeout: '30s',
      conntrackTcpBeLiberal: true,
    },
    {
      oomScoreAdj: -500,
      conntrack: { ...standard.conntrack, maxPerCore: 0, udpTimeout: 30_000, tcpBeLiberal: true },
    },
  ],
  [
    'what is of no use here is taken',
    {
      featureGates: 'A=true,B=false',
      kubeApiQps: '0.5',
      kubeApiBurst: '1',
      vmodule: 'a=1',
      configSyncPeriod: '1h',
    },
    {},
  ],
  ['--audit-period 0 turns audits off', { auditPeriod: '0' }, { auditPeriod: 0 }],
  [
    'a dataplane option may hold an equals sign',
    { dataplaneOption: ['transport=nft', 'extra=a=b'] },
    { dataplaneSettings: { transport: 'nft', extra: 'a=b' } },
  ],
]

for (const [claim, flags, expected] of accepted) {
  test(claim, (t) => {
    const { kubeProxyConfiguration, ...config } = read(flags)
    t.is(kubeProxyConfiguration.kind, 'KubeProxyConfiguration')
    t.deepEqual(config as object, { ...standard, ...expected })
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
  ['a CIDR that is none', { clusterCidr: '10.0.0.0/33' }, /^--cluster-cidr '10.0.0.0\/33': write CIDRs/],
  ['an address for a CIDR', { clusterCidr: '10.0.0.1' }, /^--cluster-cidr '10.0.0.1': write CIDRs/],
  [
    'two cluster CIDRs of one family',
    { clusterCidr: '10.0.0.0/16,10.1.0.0/16' },
    /--cluster-cidr .*dual-stack pair/,
  ],
  ['three cluster CIDRs', { clusterCidr: '10.0.0.0/16,fd00::/64,fd01::/64' }, /dual-stack pair/],
  [
    'an unknown mode of detection',
    { detectLocalMode: 'Guess' },
    /^--detect-local-mode 'Guess': write one of ClusterCIDR/,
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
    'an interface name that is a pattern to nft',
    { detectLocalMode: 'BridgeInterface', podBridgeInterface: 'cbr*' },
    /^--pod-bridge-interface 'cbr\*': write the name of an interface.*without \* or \+/,
  ],
  [
    'a prefix written as a pattern of iptables',
    { detectLocalMode: 'InterfaceNamePrefix', podInterfaceNamePrefix: 'veth+' },
    /^--pod-interface-name-prefix 'veth\+': /,
  ],
  [
    'a prefix that iptables would not read back',
    { detectLocalMode: 'InterfaceNamePrefix', podInterfaceNamePrefix: 'vé' },
    /^--pod-interface-name-prefix 'vé': /,
  ],
  [
    'a node port address that is no CIDR',
    { nodeportAddresses: 'eth0' },
    /^--nodeport-addresses 'eth0': write a CIDR/,
  ],
  [
    'two names of one flag that disagree',
    { masqueradeBit: '1', iptablesMasqueradeBit: '2' },
    /^--masquerade-bit '1': conflicts with --iptables-masquerade-bit '2': give one of the two/,
  ],
  ['a mark bit over 31', { masqueradeBit: '32' }, /^--masquerade-bit '32'.*0 to 31/],
  ['a mark bit that is no number', { iptablesMasqueradeBit: '0x4' }, /^--iptables-masquerade-bit '0x4'/],
  ['a bind address that is none', { bindAddress: 'eth0' }, /^--bind-address 'eth0'/],
  [
    'a minimum longer than the period',
    { minSyncPeriod: '1m' },
    /^--min-sync-period '1m': the minimum is longer than the period itself, nftables.syncPeriod/,
  ],
  ['a period of 0', { iptablesSyncPeriod: '0' }, /^--iptables-sync-period '0': write a duration above 0/],
  [
    'an unknown mode',
    { proxyMode: 'userspace' },
    /^--proxy-mode 'userspace': write one of iptables, ipvs, nftables, ebpf/,
  ],
  [
    'an OOM score out of bounds',
    { oomScoreAdj: '1001' },
    /^--oom-score-adj '1001': write a whole number from -1000 to 1000/,
  ],
  [
    'a port that is none',
    { healthzBindAddress: '127.0.0.1:0' },
    /^--healthz-bind-address '127.0.0.1:0': write IP:PORT/,
  ],
  ['a deprecated port that is none', { metricsPort: '70000' }, /^--metrics-port '70000': write a port/],
  [
    'metrics where healthz is',
    { metricsBindAddress: '127.0.0.1:10256' },
    /^--metrics-bind-address '127\.0\.0\.1:10256': conflicts with healthzBindAddress by its default, 0\.0\.0\.0:10256: .* another port/,
  ],
  [
    'healthz where metrics are',
    { healthzBindAddress: '[::]:10249' },
    /^--healthz-bind-address '\[::\]:10249': conflicts with metricsBindAddress by its default, 127\.0\.0\.1:10249/,
  ],
  [
    'both on one port of one address',
    { healthzBindAddress: '[::1]:9000', metricsBindAddress: '[::1]:9000' },
    /^--metrics-bind-address '\[::1\]:9000': conflicts with --healthz-bind-address, \[::1\]:9000/,
  ],
  [
    'both by their ports',
    { healthzPort: '9000', metricsPort: '9000' },
    /^--metrics-port '9000': conflicts with --healthz-port, 0\.0\.0\.0:9000/,
  ],
  [
    'a switch that is neither on nor off',
    { masqueradeAll: 'maybe' },
    /^--masquerade-all 'maybe': write true or false/,
  ],
  [
    'a cleanup that is neither asked for nor not',
    { cleanup: 'maybe' },
    /^--cleanup 'maybe': write true or false/,
  ],
  [
    'a master that is no URL',
    { kubeconfig: 'f', source: undefined as never, master: '10.0.0.1' },
    /^--master '10.0.0.1': write a URL/,
  ],
  [
    'a word that is there twice',
    { nodeportAddresses: 'all,all' },
    /^--nodeport-addresses 'all': it is there twice/,
  ],
  ['a negative period', { minSyncPeriod: '-1s' }, /^--min-sync-period '-1s'/],
  [
    'a period without a unit',
    { minSyncPeriod: '30' },
    /^--min-sync-period '30': write a duration from 0s to 1h0m0s with its units, such as 1s/,
  ],
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
  t.deepEqual(error.problems.map(({ setting }) => setting).sort(), [
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

test('a prefix as long as names are is a name, since no rule takes a longer pattern', (t) => {
  const detection = { mode: 'InterfaceNamePrefix', prefix: 'veth-pod-of-1' } as const
  t.deepEqual(podSource(detection, 'IPv4', []), { by: 'interfacePrefix', prefix: 'veth-pod-of-1' })
  const longest = 'veth-pod-of-123'
  t.deepEqual(podSource({ ...detection, prefix: longest }, 'IPv4', []), { by: 'interface', name: longest })
})
