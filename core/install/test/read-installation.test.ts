import test from 'ava'
import { parse, parseAllDocuments } from 'yaml'
import { ConfigError } from '../../config/config-error.ts'
import { kubeadmConfig } from '../../config/test/kubeadm-config.ts'
import type { InstallFlags } from '../install-options.ts'
import { printManifests } from '../manifest.ts'
import { manifestsOf } from '../manifests.ts'
import { readInstallation } from '../read-installation.ts'
import { podSpecOf } from './started-pod.ts'

const enough: InstallFlags = { apiServer: '192.0.2.10:6443', clusterCidr: '10.244.0.0/16' }
const kubeadmFile = { name: 'config.conf', text: kubeadmConfig }
const withFile: InstallFlags = { apiServer: '192.0.2.10', config: 'config.conf' }

interface Mistake {
  readonly claim: string
  readonly flags: InstallFlags
  readonly text?: string
  /** Lines, each of one problem. */
  readonly told: readonly RegExp[]
}

const mistakes: readonly Mistake[] = [
  {
    claim: 'nothing said is two things missing',
    flags: {},
    told: [/^--api-server: needed: .*ClusterIP.*kubectl config view/, /^--cluster-cidr: needed: .*NodeCIDR/],
  },
  {
    claim: 'a CIDR that is none',
    flags: { ...enough, clusterCidr: '10.244.0.0/33' },
    told: [/^--cluster-cidr '10.244.0.0\/33': write /],
  },
  {
    claim: 'a name of a Service is no address of the API server',
    flags: { ...enough, apiServer: 'https://kubernetes.default.svc' },
    told: [/^--api-server 'https:\/\/kubernetes.default.svc': that is a name of a Service/],
  },
  {
    claim: 'http',
    flags: { ...enough, apiServer: 'http://192.0.2.10:8080' },
    told: [/^--api-server .*: the API server speaks https/],
  },
  {
    claim: 'a user in the URL',
    flags: { ...enough, apiServer: 'https://me:secret@192.0.2.10' },
    told: [/^--api-server .*: only a host and a port/],
  },
  {
    claim: 'no address at all',
    flags: { ...enough, apiServer: '0.0.0.0:6443' },
    told: [/^--api-server '0.0.0.0:6443': that is no address/],
  },
  {
    claim: 'a dataplane whose needs nobody here knows',
    flags: { ...enough, dataplane: '@acme/dataplane-vpp' },
    told: [/^--dataplane '@acme\/dataplane-vpp': what it needs of a node only its author knows/],
  },
  {
    claim: 'names, an image and labels that Kubernetes refuses, all at once',
    flags: { ...enough, name: 'Portolan', namespace: 'a_b', image: 'a b', nodeSelector: ['proxy', 'a b=c'] },
    told: [
      /^--image 'a b': write NAME:TAG/,
      /^--name 'Portolan': write up to 63/,
      /^--namespace 'a_b': write up to 63/,
      /^--node-selector 'proxy': write a label/,
      /^--node-selector 'a b=c': write a label/,
    ],
  },
  {
    claim: "a ClusterRole of Kubernetes' own",
    flags: { ...enough, name: 'view' },
    told: [/^--name 'view': Kubernetes has a ClusterRole of that name, which this would replace/],
  },
  ...['', 'a..b', '.a', 'a.', 'A', 'a/b', `${'a'.repeat(250)}.abc`].map((configMap) => ({
    claim: `'${configMap.slice(0, 9)}' is no name of a ConfigMap`,
    flags: { configMap, dataplane: 'nftables' },
    told: [/^--config-map '.*': write the name of a ConfigMap, such as kube-proxy/],
  })),
  {
    claim: "the name of kube-proxy's own DaemonSet",
    flags: { configMap: 'kube-proxy', dataplane: 'nftables', name: 'kube-proxy' },
    told: [/^--name 'kube-proxy': kube-proxy's own DaemonSet and account have that name/],
  },
  {
    claim: 'a URL is no image',
    flags: { ...enough, image: 'https://registry.example.net/portolan:1' },
    told: [/^--image 'https:.*': write NAME:TAG or NAME@sha256:DIGEST, in lower case and without https:/],
  },
  {
    claim: 'labels that no node has at once',
    flags: { ...enough, nodeSelector: ['a=1', 'a=2', 'a=1', 'kubernetes.io/os=windows'] },
    told: [
      /^--node-selector 'a=2': no node has it beside a=1/,
      /^--node-selector 'kubernetes.io\/os=windows': no node has it beside kubernetes.io\/os=linux/,
    ],
  },
  {
    claim: 'a ConfigMap says where the API server is, and a flag what the pod needs',
    flags: { configMap: 'kube-proxy', apiServer: '192.0.2.10', clusterCidr: '10.244.0.0/16' },
    told: [
      /^--api-server '192.0.2.10': the kubeconfig in the ConfigMap kube-proxy says/,
      /^--dataplane: needed with --config-map/,
      /^--cluster-cidr: not read beside --config-map: write clusterCIDR into the ConfigMap/,
    ],
  },
  {
    claim: 'flags that are not read beside a file',
    flags: { ...withFile, clusterCidr: '10.0.0.0/8' },
    text: kubeadmConfig,
    told: [/^--cluster-cidr: not read beside --config/],
  },
  {
    claim: 'a file with a mistake in it',
    flags: withFile,
    text: kubeadmConfig.replace('10.244.0.0/16', '10.244.0.0/99'),
    told: [/^config.conf:\d+: clusterCIDR '10.244.0.0\/99': write/],
  },
  {
    claim: 'a kubeconfig where none can be mounted',
    flags: withFile,
    text: kubeadmConfig.replace('/var/lib/kube-proxy/kubeconfig.conf', '/kubeconfig.conf'),
    told: [/^clientConnection.kubeconfig '\/kubeconfig.conf': a kubeconfig is mounted there/],
  },
]

for (const { claim, flags, text, told } of mistakes)
  test(`told: ${claim}`, (t) => {
    const file = text === undefined ? undefined : { name: 'config.conf', text }
    const error = t.throws(() => readInstallation(flags, file, '0.1.0'), { instanceOf: ConfigError })
    const lines = error.message.split('\n')
    t.is(lines.length, told.length, error.message)
    for (const [index, form] of told.entries()) t.regex(lines[index] ?? '', form)
  })

const digest = `sha256:${'0f'.repeat(32)}`
const images: Readonly<Record<string, boolean>> = {
  portolan: true,
  'portolan:0.1.0': true,
  'registry.example.net:5000/Team/portolan': false,
  'Registry.example.net:5000/team/sub_part/por-to--lan:v1.0_rc.1': true,
  'localhost/portolan': true,
  [`[fd00::1]:5000/portolan:1@${digest}`]: true,
  [`portolan@${digest}`]: true,
  'portolan@sha256:0f': false,
  'portolan:': false,
  'portolan:-1': false,
  '../portolan': false,
  '/portolan': false,
  'a//b': false,
  'a:b:c': false,
  'portolan\nprivileged: true': false,
}
for (const [image, isOne] of Object.entries(images))
  test(`${JSON.stringify(image)} is ${isOne ? 'an' : 'no'} image`, (t) => {
    const read = () => readInstallation({ ...enough, image }, undefined, '0.1.0')
    if (isOne) t.is(read().image, image)
    else t.throws(read, { instanceOf: ConfigError, message: /^--image / })
  })

/** The ConfigMap's files. */
function dataOf(flags: InstallFlags, text?: string): Readonly<Record<string, string>> {
  const file = text === undefined ? undefined : { name: 'config.conf', text }
  const manifests = manifestsOf(readInstallation(flags, file, '0.1.0'))
  const found = manifests.find(({ object }) => object.kind === 'ConfigMap')
  return found?.object.data as Readonly<Record<string, string>>
}

const argumentsOf = (flags: InstallFlags, text?: string) => {
  const file = text === undefined ? undefined : { name: 'config.conf', text }
  return podSpecOf(manifestsOf(readInstallation(flags, file, '0.1.0'))).containers[0].args
}

const servers: readonly [string, string][] = [
  ['192.0.2.10', 'https://192.0.2.10:6443'],
  ['192.0.2.10:443', 'https://192.0.2.10'],
  ['2001:db8::10', 'https://[2001:db8::10]:6443'],
  ['[2001:db8::10]:7443', 'https://[2001:db8::10]:7443'],
  ['https://api.example.net', 'https://api.example.net'],
  ['kind-control-plane:6443', 'https://kind-control-plane:6443'],
]
for (const [written, url] of servers)
  test(`--api-server ${written} is ${url}`, (t) => {
    const kubeconfig = parse(dataOf({ ...enough, apiServer: written })['kubeconfig.conf'] ?? '')
    t.is(kubeconfig.clusters[0].cluster.server, url)
  })

test('flags become the fields that they stand for, and nothing else is written', (t) => {
  const flags = {
    ...enough,
    dataplane: 'iptables',
    masqueradeAll: true,
    metricsBindAddress: '0.0.0.0:10249',
    dataplaneOption: ['variant=nft'],
  }
  const [kubeProxy = '', portolan = ''] = (dataOf(flags)['config.conf'] ?? '').split('---\n')
  t.deepEqual(parse(kubeProxy), {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'iptables',
    metricsBindAddress: '0.0.0.0:10249',
    clusterCIDR: '10.244.0.0/16',
    iptables: { masqueradeAll: true },
    nftables: { masqueradeAll: true },
    clientConnection: { kubeconfig: '/var/lib/kube-proxy/kubeconfig.conf' },
  })
  t.deepEqual(parse(portolan), {
    apiVersion: 'portolan.dev/v1alpha1',
    kind: 'PortolanConfiguration',
    dataplaneOptions: { variant: 'nft' },
  })
})

test("Portolan's own settings are in its file, and beside one that is taken as it is", (t) => {
  const said = { startupTaint: true, auditPeriod: '5s', logLevel: 'debug' }
  const [, portolan = ''] = (dataOf({ ...enough, ...said })['config.conf'] ?? '').split('---\n')
  t.deepEqual(parse(portolan), {
    apiVersion: 'portolan.dev/v1alpha1',
    kind: 'PortolanConfiguration',
    ...said,
  })
  t.false(argumentsOf({ ...enough, ...said }).some((one) => one.startsWith('--log-level')))
  const asFlags = ['--startup-taint=true', '--audit-period=5s', '--log-level=debug']
  t.deepEqual(argumentsOf({ ...withFile, ...said }, kubeadmConfig).slice(-3), asFlags)
  const own = '---\napiVersion: portolan.dev/v1alpha1\nkind: PortolanConfiguration\nlogLevel: warn\n'
  t.deepEqual(argumentsOf(withFile, `${kubeadmConfig}${own}`).slice(-1), ['--dataplane=iptables'])
  const byMap = { configMap: 'kube-proxy', dataplane: 'nftables', ...said }
  t.deepEqual(
    podSpecOf(manifestsOf(readInstallation(byMap, undefined, '0.1.0'))).containers[0].args.slice(-3),
    asFlags,
  )
})

test('the right to patch Nodes is there with the policy that narrows it, and neither is by default', (t) => {
  const kinds = (flags: InstallFlags) => {
    const manifests = manifestsOf(readInstallation(flags, undefined, '0.1.0'))
    const role = manifests.find(({ object }) => object.kind === 'ClusterRole')?.object
    const { rules } = role as unknown as { readonly rules: readonly { readonly verbs: readonly string[] }[] }
    const policies = manifests.filter(({ object }) => String(object.kind).startsWith('Validating'))
    return [policies.length, rules.filter(({ verbs }) => verbs.join() === 'patch').length]
  }
  t.deepEqual(kinds(enough), [0, 0])
  t.deepEqual(kinds({ ...enough, startupTaint: true }), [2, 1])
  const byMap = { configMap: 'kube-proxy', dataplane: 'nftables', startupTaint: true }
  t.deepEqual(kinds(byMap), [2, 1])
  const { args } = podSpecOf(manifestsOf(readInstallation(byMap, undefined, '0.1.0'))).containers[0]
  t.is(args.at(-1), '--startup-taint=true')
})

test('what takes a node over from kube-proxy sees its process and its rules, and nothing else does', (t) => {
  const rights = (flags: InstallFlags) => {
    const spec = podSpecOf(manifestsOf(readInstallation({ ...enough, ...flags }, undefined, '0.1.0')))
    const { hostPID = false, containers, volumes } = spec
    const sees = ({ hostPath }: (typeof volumes)[number]) => hostPath?.path === '/run/xtables.lock'
    return [hostPID, containers[0].securityContext.capabilities.add.includes('NET_RAW'), volumes.some(sees)]
  }
  t.deepEqual(rights({ dataplane: 'nftables' }), [false, false, false])
  t.deepEqual(rights({ dataplane: 'nftables', takeOver: true }), [true, true, true])
  t.deepEqual(rights({ dataplane: 'iptables' }), [false, true, true])
  t.deepEqual(rights({ dataplane: 'iptables', takeOver: true }), [true, true, true])
})

test("kubeadm's file is taken as it is, with the kubeconfig that it names", (t) => {
  const data = dataOf({ ...withFile, dataplane: 'nftables' }, kubeadmFile.text)
  t.is(data['config.conf'], kubeadmConfig)
  t.is(parse(data['kubeconfig.conf'] ?? '').clusters[0].cluster.server, 'https://192.0.2.10:6443')
  t.deepEqual(argumentsOf({ ...withFile, dataplane: 'nftables' }, kubeadmConfig), [
    '--config=/var/lib/kube-proxy/config.conf',
    '--hostname-override=$(NODE_NAME)',
    '--dataplane=nftables',
  ])
})

test('a file that names no kubeconfig gets the address by a flag', (t) => {
  const text = kubeadmConfig.replace('kubeconfig: /var/lib/kube-proxy/kubeconfig.conf', 'kubeconfig: ""')
  t.deepEqual(Object.keys(dataOf(withFile, text)), ['config.conf'])
  t.true(argumentsOf(withFile, text).includes('--master=https://192.0.2.10:6443'))
})

test("a ConfigMap of the cluster's is mounted where its configuration expects it, and none is printed", (t) => {
  const flags = { configMap: 'kube-proxy', dataplane: 'ebpf' }
  const manifests = manifestsOf(readInstallation(flags, undefined, '0.1.0'))
  t.false(manifests.some(({ object }) => object.kind === 'ConfigMap'))
  const { containers, volumes } = podSpecOf(manifests)
  t.deepEqual(volumes[0], { name: 'config', configMap: { name: 'kube-proxy' } } as never)
  t.is(containers[0].volumeMounts[0]?.mountPath, '/var/lib/kube-proxy')
  t.true(containers[0].args.includes('--dataplane=ebpf'))
})

test('probes ask where the configuration says that health is told, and metrics have a port where others may ask', (t) => {
  const probed = (flags: InstallFlags) => {
    const [container] = podSpecOf(manifestsOf(readInstallation(flags, undefined, '0.1.0'))).containers
    const { livenessProbe, ports } = container as unknown as {
      readonly livenessProbe: { readonly httpGet: object }
      readonly ports: readonly { readonly name: string; readonly containerPort: number }[]
    }
    return [livenessProbe.httpGet, Object.fromEntries(ports.map((one) => [one.name, one.containerPort]))]
  }
  const httpGet = { path: '/livez', port: 'healthz' }
  t.deepEqual(probed(enough), [httpGet, { healthz: 10256 }])
  t.deepEqual(probed({ ...enough, healthzBindAddress: '127.0.0.1:9000', metricsBindAddress: '0.0.0.0' }), [
    { ...httpGet, host: '127.0.0.1' },
    { healthz: 9000, metrics: 10249 },
  ])
})

test('what is printed is read by YAML 1.1, as kubectl does, as it is meant', (t) => {
  const words = ['yes', 'no', 'on', 'off', 'y', 'null', '1', '0x10', '010', '1.5']
  for (const word of words) {
    const flags = { ...enough, nodeSelector: [`example.com/proxy=${word}`], dataplane: 'nftables' }
    const manifests = manifestsOf(readInstallation(flags, undefined, '0.1.0'))
    const documents = parseAllDocuments(printManifests(manifests), { version: '1.1' })
    t.deepEqual(
      documents.map((document) => document.toJS()),
      manifests.map(({ object }) => object),
      word,
    )
  }
})

test('a configuration is read by YAML 1.1, as kube-proxy does, as it is meant', (t) => {
  const [text = ''] = (dataOf({ ...enough, hostnameOverride: 'on' })['config.conf'] ?? '').split('---\n')
  t.is(parse(text, { version: '1.1' }).hostnameOverride, 'on')
})

test('two installations have nothing in common but their namespace', (t) => {
  const places = [
    ['portolan', 'kube-system'],
    ['portolan', 'proxies'],
    ['other', 'kube-system'],
    ['other', 'proxies'],
    ['portolan-startup-taint', 'proxies'],
  ] as const
  const objects = places.flatMap(([name, namespace]) => {
    const flags = { ...enough, name, namespace, startupTaint: true }
    return manifestsOf(readInstallation(flags, undefined, '0.1.0')).map(({ object }) => {
      const { metadata } = object as {
        readonly metadata: { readonly name: string; readonly namespace?: string }
      }
      return { kind: object.kind, namespace: metadata.namespace, name: metadata.name }
    })
  })
  const own = objects.filter(({ kind }) => kind !== 'Namespace').map((object) => JSON.stringify(object))
  t.is(own.length, 7 * places.length)
  t.deepEqual(
    own.filter((object, index) => own.indexOf(object) < index),
    [],
  )
})

test('a role is bound to the account that it is for', (t) => {
  const flags = { ...enough, namespace: 'proxies' }
  const all = manifestsOf(readInstallation(flags, undefined, '0.1.0')).map(({ object }) => object)
  t.like(
    all.find(({ kind }) => kind === 'ClusterRoleBinding'),
    {
      metadata: { name: 'portolan.proxies' },
      roleRef: { kind: 'ClusterRole', name: 'portolan.proxies' },
      subjects: [{ kind: 'ServiceAccount', name: 'portolan', namespace: 'proxies' }],
    },
  )
  t.like(
    all.find(({ kind }) => kind === 'ClusterRole'),
    { metadata: { name: 'portolan.proxies' } },
  )
})

test('another namespace is printed as well, open to what a proxy needs', (t) => {
  const [first] = manifestsOf(readInstallation({ ...enough, namespace: 'portolan' }, undefined, '0.1.0'))
  t.is(first?.object.kind, 'Namespace')
  t.like(first?.object.metadata, {
    name: 'portolan',
    labels: { 'pod-security.kubernetes.io/enforce': 'privileged' },
  })
})
