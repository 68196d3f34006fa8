import test from 'ava'
import { parseConfigDocument } from '../config-document.ts'
import { ConfigError } from '../config-error.ts'
import type { Flags } from '../config-flags.ts'
import { describeNote } from '../config-note.ts'
import { parseFlags } from '../flags.ts'
import { resolveConfig } from '../resolve-config.ts'
import { kubeadmConfig } from './kubeadm-config.ts'

const head = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n'
const own = 'apiVersion: portolan.dev/v1alpha1\nkind: PortolanConfiguration\n'
const inCluster = { inCluster: true }
const resolve = (text: string, flags: Flags = {}) =>
  resolveConfig(flags, inCluster, parseConfigDocument(text, 'config.conf'))

test('what kubeadm writes is read without a note, and means what kube-proxy takes it for', (t) => {
  const { config, notes } = resolve(kubeadmConfig)
  t.deepEqual(notes, [])
  const { kubeProxyConfiguration, ...rest } = config
  const { kubeProxyConfiguration: _, ...standard } = parseFlags({ source: 'file:x' }, inCluster)
  t.deepEqual(rest as object, {
    ...standard,
    source: { from: 'kubeconfig', path: '/var/lib/kube-proxy/kubeconfig.conf' },
    dataplane: 'iptables',
    podDetection: { mode: 'ClusterCIDR', cidrs: ['10.244.0.0/16'] },
    nodePortAddresses: [],
  })
  t.like(kubeProxyConfiguration, {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    mode: 'iptables',
    healthzBindAddress: '0.0.0.0:10256',
    clientConnection: { qps: 5, burst: 10 },
    conntrack: { maxPerCore: 32_768, tcpEstablishedTimeout: '24h0m0s' },
    iptables: { masqueradeBit: 14, localhostNodePorts: true, syncPeriod: '30s' },
  })
})

const accepted: readonly [string, string, Flags, object][] = [
  ['no mode means iptables, as to kube-proxy', head, {}, { dataplane: 'iptables', nodePortAddresses: [] }],
  [
    'mode nftables reads the settings of nftables',
    `${head}mode: nftables\nnftables: {masqueradeAll: true, masqueradeBit: 3, syncPeriod: 1m}\niptables: {masqueradeBit: 4}`,
    {},
    {
      dataplane: 'nftables',
      masqueradeAll: true,
      masqueradeBit: 3,
      syncPeriod: 60_000,
      nodePortAddresses: ['primary'],
    },
  ],
  [
    'mode ipvs reads its own periods and the masquerade of iptables',
    `${head}mode: ipvs\nipvs: {scheduler: lc, minSyncPeriod: 5s, excludeCIDRs: [192.0.2.0/24]}\niptables: {masqueradeBit: 4}`,
    {},
    {
      dataplane: 'ipvs',
      masqueradeBit: 4,
      minSyncPeriod: 5000,
      dataplaneSettings: { scheduler: 'lc', 'exclude-cidrs': '192.0.2.0/24' },
    },
  ],
  ['mode ebpf is ours', `${head}mode: ebpf`, {}, { dataplane: 'ebpf', nodePortAddresses: ['primary'] }],
  [
    'our document chooses a dataplane for what is meant for iptables',
    `${head}iptables: {masqueradeAll: yes}\n---\n${own}dataplane: ebpf\nauditPeriod: 5s\nlogLevel: warn\ndataplaneOptions: {services-size: 1000, packet-hook: tcx}`,
    {},
    {
      dataplane: 'ebpf',
      masqueradeAll: true,
      nodePortAddresses: [],
      auditPeriod: 5000,
      logLevel: 'warn',
      dataplaneSettings: { 'services-size': '1000', 'packet-hook': 'tcx' },
    },
  ],
  ['our document may come alone', own, {}, { dataplane: 'nftables' }],
  [
    'our flags go before our document',
    `${own}dataplane: ebpf\ndataplaneOptions: {packet-hook: tcx}`,
    { dataplane: 'nftables', auditPeriod: '2s', dataplaneOption: ['transport=nft'] },
    { dataplane: 'nftables', auditPeriod: 2000, dataplaneSettings: { transport: 'nft' } },
  ],
  [
    'the node and the verbosity are told by flags as well',
    `${head}hostnameOverride: a\nlogging: {verbosity: 0}`,
    { hostnameOverride: 'b', v: '4', master: 'https://192.0.2.1:6443' },
    { nodeName: 'b', logLevel: 'debug', source: { from: 'inCluster', server: 'https://192.0.2.1:6443' } },
  ],
  [
    'JSON is YAML',
    '{"apiVersion":"kubeproxy.config.k8s.io/v1alpha1","kind":"KubeProxyConfiguration","oomScoreAdj":0}',
    {},
    { oomScoreAdj: 0 },
  ],
  [
    'a source is named beside a file',
    `${head}clientConnection: {kubeconfig: f}`,
    { source: 'file:cluster.yaml' },
    { source: { from: 'file', path: 'cluster.yaml' } },
  ],
  ['what is given last counts', `${head}mode: ipvs\nmode: nftables`, {}, { dataplane: 'nftables' }],
  [
    'an alias is what it stands for',
    `${head}bindAddress: &a 192.0.2.1\nhostnameOverride: *a`,
    {},
    { nodeName: '192.0.2.1' },
  ],
]
for (const [claim, text, flags, expected] of accepted) {
  test(claim, (t) => {
    t.like(resolve(text, flags).config, expected)
  })
}

const noted: readonly [string, string, Flags, readonly string[]][] = [
  [
    'an unknown field, with what was meant',
    `${head}clusterCidr: 10.0.0.0/8\nconntrack:\n  mix: 1`,
    {},
    [
      'config.conf:3: clusterCidr: no such field, so it is not read; did you mean clusterCIDR?',
      'config.conf:5: conntrack.mix: no such field, so it is not read',
    ],
  ],
  [
    'a field that is wrong and given again',
    `${head}mode: userspace\nmode: nftables\nnodePortAddresses: [a, b]\nnodePortAddresses: [192.0.2.0/24]`,
    {},
    [
      'config.conf:4: mode: given twice; the last one counts',
      'config.conf:6: nodePortAddresses: given twice; the last one counts',
    ],
  ],
  [
    'a group that is wrong and given again',
    `${head}conntrack: 5\nconntrack: {min: x}\nconntrack: {min: 1}`,
    {},
    [
      'config.conf:4: conntrack: given twice; the last one counts',
      'config.conf:5: conntrack: given twice; the last one counts',
    ],
  ],
  [
    'a field given twice',
    `${head}mode: ipvs\nmode: nftables`,
    {},
    ['config.conf:4: mode: given twice; the last one counts'],
  ],
  [
    'a flag of kube-proxy beside a file',
    head,
    { clusterCidr: '10.0.0.0/8', healthzPort: '0', iptablesSyncPeriod: '1m' },
    [
      ['--iptables-sync-period', 'iptables.syncPeriod or nftables.syncPeriod'],
      ['--cluster-cidr', 'clusterCIDR'],
      ['--healthz-port', 'healthzBindAddress'],
    ].map(
      ([name, field]) => `${name}: not read beside --config, as in kube-proxy: write ${field} into the file`,
    ),
  ],
  [
    'names that JavaScript has a meaning for',
    `${head}__proto__: {a: 1}\nconstructor: {prototype: 1}\nconntrack: {toString: 1}`,
    {},
    [
      'config.conf:3: __proto__: no such field, so it is not read',
      'config.conf:4: constructor: no such field, so it is not read',
      'config.conf:5: conntrack.toString: no such field, so it is not read',
    ],
  ],
  [
    'a document for others behind ours',
    `${head}---\nkind: InitConfiguration`,
    {},
    ['config.conf:4: kind InitConfiguration: not read'],
  ],
]
for (const [claim, text, flags, expected] of noted) {
  test(`goes on without ${claim}`, (t) => {
    t.deepEqual(resolve(text, flags).notes.map(describeNote), expected)
  })
}

test('a file that cannot be read whole is not blamed for naming no cluster', (t) => {
  const broken = parseConfigDocument(`${head}mode: [`, 'config.conf')
  const error = t.throws(() => resolveConfig({}, { inCluster: false }, broken), { instanceOf: ConfigError })
  t.deepEqual(error?.problems, broken.problems)
})

const rejected: readonly [string, string, RegExp][] = [
  ['an empty file', '', /^config\.conf: the file: it is empty: it must have a KubeProxyConfiguration/],
  ['a file of comments', '# nothing\n---\n', /^config\.conf: the file: it is empty/],
  ['a text', 'hello', /^config\.conf:1: the document: write fields and values/],
  [
    'another kind',
    'apiVersion: v1\nkind: Config',
    /^config\.conf:1: kind 'Config': write one of KubeProxyConfiguration, Portolan/,
  ],
  [
    'another version',
    'apiVersion: kubeproxy.config.k8s.io/v1\nkind: KubeProxyConfiguration',
    /apiVersion '.*\/v1': write kubeproxy\.config\.k8s\.io\/v1alpha1/,
  ],
  [
    'two of a kind',
    `${head}---\n${head}`,
    /^config\.conf:4: kind 'KubeProxyConfiguration': it is there already/,
  ],
  ['broken YAML', `${head}mode: [`, /^config\.conf:3: the file: no YAML: /],
  ['a tag of its own', `${head}mode: !!js/function "x"`, /mode|no YAML/],
  [
    'a number for a text',
    `${head}showHiddenMetricsForVersion: 1.36`,
    /^config\.conf:3: showHiddenMetricsForVersion '1\.36': write a minor version in quotes/,
  ],
  [
    'a text for a number',
    `${head}oomScoreAdj: "0"`,
    /^config\.conf:3: oomScoreAdj '0': write a whole number from -1000 to 1000/,
  ],
  [
    'a number for a duration',
    `${head}conntrack:\n  udpTimeout: 30`,
    /^config\.conf:4: conntrack\.udpTimeout '30': write a duration .* such as 30s/,
  ],
  [
    'a list for a group',
    `${head}conntrack: [1]`,
    /^config\.conf:3: conntrack '.*': write fields and values below it/,
  ],
  [
    'a mapping for a field',
    `${head}mode: {a: 1}`,
    /^config\.conf:3: mode '\{"a":1\}': write one of iptables, ipvs/,
  ],
  [
    'a wrong one in a list',
    `${head}nodePortAddresses:\n- primary\n- eth0\n`,
    /^config\.conf:5: nodePortAddresses\[1\] 'eth0': write a CIDR/,
  ],
  [
    'a gate that is no switch',
    `${head}featureGates: {A: maybe}`,
    /featureGates '\{"A":"maybe"\}': write switches/,
  ],
  [
    'a mode without what it needs',
    `${head}detectLocalMode: BridgeInterface`,
    /^config\.conf:3: detectLocal\.bridgeInterface: detectLocalMode BridgeInterface needs it/,
  ],
  [
    'two servers on one port',
    `${head}healthzBindAddress: 0.0.0.0:9000\nmetricsBindAddress: "[::]:9000"`,
    /^config\.conf:4: metricsBindAddress '\[::\]:9000': conflicts with healthzBindAddress, 0\.0\.0\.0:9000/,
  ],
  ['an unknown anchor', `${head}mode: *nowhere`, /the file: /],
  [
    'merge keys',
    `${head}iptables: &a {masqueradeAll: true}\nnftables:\n  <<: *a`,
    /nftables\.<<: merge keys are not read/,
  ],
  [
    'aliases that grow',
    `${head}a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nnodePortAddresses: [*b,*b,*b,*b,*b,*b,*b]`,
    /the file: can't be read as YAML: Excessive alias count/,
  ],
  ['a key that is a mapping', '? '.repeat(300), /the file: no YAML: .*keys must be strings/],
  ['an alias of itself', `${head}featureGates: &a {A: *a}`, /featureGates|the file/],
  ['a nest too deep', `${head}featureGates: ${'['.repeat(50_000)}`, /the file: /],
]
for (const [claim, text, message] of rejected) {
  test(`refuses ${claim}`, (t) => {
    t.throws(() => resolve(text), { instanceOf: ConfigError, code: 'CONFIG_INVALID', message })
  })
}

test('of YAML that is broken all over, the first place is told', (t) => {
  const { problems } = parseConfigDocument(`${head}mode: ${'!a '.repeat(5000)}`, 'config.conf')
  t.deepEqual(problems, [
    { at: 'config.conf:3', setting: 'the file', fix: 'no YAML: A node can have at most one tag' },
  ])
})

test('names everything that is wrong at once, in files and flags', (t) => {
  const text = `${head}mode: userspace\nclusterCIDR: x\nconntrack: {min: -1}`
  const error = t.throws(() => resolve(text, { v: 'x' }), { instanceOf: ConfigError })
  t.deepEqual(
    error.problems.map(({ at, setting }) => [at, setting]),
    [
      ['config.conf:3', 'mode'],
      ['config.conf:4', 'clusterCIDR'],
      ['config.conf:5', 'conntrack.min'],
      [undefined, '-v'],
    ],
  )
})
