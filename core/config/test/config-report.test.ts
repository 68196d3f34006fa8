import test from 'ava'
import { parseConfigDocument } from '../config-document.ts'
import { describeNote } from '../config-note.ts'
import { configReport } from '../config-report.ts'
import { resolveConfig } from '../resolve-config.ts'
import { kubeadmConfig } from './kubeadm-config.ts'

const head = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n'
const report = (text: string) =>
  configReport(resolveConfig({}, { inCluster: true }, parseConfigDocument(text, 'c')))
const ignored = (text: string) => report(text).ignored.map(describeNote)
const differs = (text: string) => report(text).differs.map(({ setting }) => setting)

test("kubeadm's file has three settings of its own, and nothing without effect", (t) => {
  const { used, ignored, dataplane } = report(kubeadmConfig)
  t.is(dataplane, 'iptables')
  t.deepEqual(ignored, [])
  t.deepEqual(
    used.flatMap(({ field, value, isStandard }) => (isStandard ? [] : [[field, value]])),
    [
      ['clientConnection.kubeconfig', '/var/lib/kube-proxy/kubeconfig.conf'],
      ['mode', 'iptables'],
      ['clusterCIDR', '10.244.0.0/16'],
    ],
  )
  t.deepEqual(differs(kubeadmConfig), ['conntrack.maxPerCore', 'iptables.minSyncPeriod'])
})

const rows: readonly [string, string, string][] = [
  ['of Windows', 'winkernel: {enableDSR: true}', 'winkernel.enableDSR: no effect: of Windows only'],
  [
    'of another mode',
    'mode: nftables\niptables: {syncPeriod: 5s}',
    'iptables.syncPeriod: no effect: the mode is nftables',
  ],
  ['of another dataplane', 'ipvs: {scheduler: lc}', 'ipvs.scheduler: no effect: the dataplane is iptables'],
  [
    'of another way to tell pods',
    'detectLocalMode: NodeCIDR\ndetectLocal: {bridgeInterface: br0}',
    'detectLocal.bridgeInterface: no effect: detectLocalMode is NodeCIDR',
  ],
  [
    'that another field turns off',
    'conntrack: {maxPerCore: 0, min: 5}',
    'conntrack.min: no effect: conntrack.maxPerCore is 0',
  ],
  ['that is unknown', 'udpIdleTimeout: 5s', 'udpIdleTimeout: no such field, so it is not read'],
]
for (const [claim, text, expected] of rows) {
  test(`names a setting ${claim}`, (t) => {
    t.deepEqual(
      ignored(head + text).map((line) => line.replace(/^c:\d+: /, '')),
      [expected],
    )
  })
}

test('a setting at its default is worth no line', (t) => {
  t.deepEqual(
    ignored(`${head}ipvs: {scheduler: "", strictARP: false}\nconfigSyncPeriod: 15m\nfeatureGates: {}`),
    [],
  )
})

test('a difference is told only of values that it is about', (t) => {
  t.deepEqual(
    differs(`${head}mode: ""`),
    ['conntrack.maxPerCore', 'iptables.minSyncPeriod'],
    'as kubeadm has it',
  )
  t.deepEqual(differs(`${head}mode: nftables\nnftables: {minSyncPeriod: 1s}\nconntrack: {maxPerCore: 0}`), [])
  t.deepEqual(
    differs(
      `${head}mode: ebpf\nnftables: {minSyncPeriod: 1s}\nbindAddress: 192.0.2.1\nlogging: {verbosity: 2}`,
    ),
    ['logging.verbosity', 'bindAddress', 'conntrack.maxPerCore', 'mode'],
  )
})

test('a contentType is told to differ where it is neither protobuf nor JSON', (t) => {
  const told = (contentType: string) =>
    differs(`${head}clientConnection: {contentType: "${contentType}"}`).includes(
      'clientConnection.contentType',
    )
  t.deepEqual(['application/json', 'Application/Vnd.Kubernetes.Protobuf;q=1', 'application/yaml'].map(told), [
    false,
    false,
    true,
  ])
})

test('another dataplane in the place of iptables is told to serve no NodePorts at localhost, unless they are asked for', (t) => {
  const localhost = (rest: string) =>
    differs(`${head}mode: iptables\n${rest}`).filter((setting) => setting === 'iptables.localhostNodePorts')
  const nftables =
    '---\napiVersion: portolan.dev/v1alpha1\nkind: PortolanConfiguration\ndataplane: nftables\n'
  t.deepEqual(localhost(''), [])
  t.deepEqual(localhost(nftables), ['iptables.localhostNodePorts'])
  t.deepEqual(localhost(`nodePortAddresses: [all, localhost]\n${nftables}`), [])
  t.deepEqual(localhost(`iptables: {localhostNodePorts: false}\n${nftables}`), [])
})
