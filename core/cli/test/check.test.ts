import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type ApiObject, ApiServer } from '@portolan/api-server'
import test, { type ExecutionContext } from 'ava'
import { parseAllDocuments } from 'yaml'
import { describeReport } from '../../check/describe-report.ts'
import type { CheckReport } from '../../check/report.ts'
import { NodeNamespace } from '../../node/test/node-namespace.ts'
import { checkReport } from '../check.ts'

const program = fileURLToPath(new URL('../portolan.js', import.meta.url))
const sample = fileURLToPath(new URL('../../../docs/sample-cluster.yaml', import.meta.url))

/** The sample cluster behind an API server, and a kubeconfig that leads there. */
async function liveCluster(
  t: ExecutionContext,
): Promise<{ server: ApiServer; kubeconfig: string; path: (name: string) => string }> {
  const directory = await mkdtemp(join(tmpdir(), 'pl-check-'))
  const server = new ApiServer({ tokens: ['secret'] })
  await server.start()
  t.teardown(async () => {
    await server.stop()
    await rm(directory, { recursive: true })
  })
  for (const document of parseAllDocuments(await readFile(sample, 'utf8')))
    server.apply(document.toJS() as ApiObject)
  const kubeconfig = join(directory, 'kubeconfig')
  await server.writeKubeconfig(kubeconfig, { token: 'secret' })
  return { server, kubeconfig, path: (name) => join(directory, name) }
}

const configuration = (fields: string) =>
  `apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n${fields}`

/** As kubeadm has it. */
function configMap(fields: string): ApiObject {
  return {
    kind: 'ConfigMap',
    metadata: { name: 'kube-proxy', namespace: 'kube-system' },
    data: { 'config.conf': configuration(fields), 'kubeconfig.conf': 'apiVersion: v1\nkind: Config\n' },
  }
}

const ingress = {
  kind: 'Pod',
  metadata: { name: 'ingress-1', namespace: 'edge' },
  spec: { containers: [{ name: 'nginx', ports: [{ containerPort: 80, hostPort: 30080 }] }] },
}

const silent = (): void => {}

/** `effect kind`, of what a dataplane's Services have beside notes. */
function differences({ dataplanes }: CheckReport, name: string): readonly string[] {
  const services = dataplanes.find(({ dataplane }) => dataplane === name)?.services
  return (services?.findings ?? [])
    .filter(({ effect }) => effect !== 'note')
    .map(({ effect, kind }) => `${effect} ${kind}`)
}

test.serial(
  "a cluster's own kube-proxy configuration says how it is today, and is what Portolan runs by",
  async (t) => {
    const { server, kubeconfig } = await liveCluster(t)
    server.apply(configMap('mode: ipvs\nclusterCIDR: 10.244.0.0/16\nipvs: { strictARP: true }\n'))
    server.apply(ingress)
    const report = await checkReport({ kubeconfig, dataplane: 'nftables,ipvs' }, silent)
    t.deepEqual(report.today, { mode: 'ipvs', by: 'ConfigMap kube-system/kube-proxy' })
    t.deepEqual(
      report.dataplanes.map(({ dataplane, configuration }) => [dataplane, configuration.from]),
      [
        ['nftables', 'ConfigMap kube-system/kube-proxy'],
        ['ipvs', 'ConfigMap kube-system/kube-proxy'],
      ],
    )
    const told = report.dataplanes.flatMap(({ configuration }) =>
      [...configuration.ignored, ...configuration.differs].map(({ setting }) => setting),
    )
    t.true(told.includes('ipvs.strictARP'), told.join())
    // The NodePorts answer at all addresses, as they do today: the configuration is the same.
    t.deepEqual(differences(report, 'nftables'), ['changed gap:dropWithoutUsableEndpoint'])
    t.deepEqual(
      report.hazards?.map(({ kind, examples }) => [kind, ...examples]),
      [['host-port', 'shop/web (pod edge/ingress-1)']],
    )
    t.false(report.clean)
    t.is(report.node, null)
    t.deepEqual(
      report.skipped.map(({ what }) => what),
      ['this machine'],
    )
  },
)

test.serial('a mode that kube-proxy does not start with is taken for none, and told', async (t) => {
  const { server, kubeconfig } = await liveCluster(t)
  server.apply(configMap('mode: userspace\nclusterCIDR: 10.244.0.0/16\n'))
  const report = await checkReport({ kubeconfig, dataplane: 'nftables' }, silent)
  t.deepEqual(report.today, { mode: 'iptables', by: 'taken as its default; --from-mode says another' })
  t.is(
    report.skipped.find(({ what }) => what === "kube-proxy's mode today")?.why,
    'ConfigMap kube-system/kube-proxy has mode "userspace", which kube-proxy refuses to start with',
  )
  t.deepEqual(
    report.dataplanes[0]?.configuration.problems.map(({ setting, value }) => [setting, value]),
    [['mode', 'userspace']],
  )
  const said = await checkReport({ kubeconfig, dataplane: 'nftables', fromMode: 'ipvs' }, silent)
  t.deepEqual(said.today, { mode: 'ipvs', by: '--from-mode' })
  t.deepEqual(
    said.skipped.map(({ what }) => what),
    ['this machine'],
  )
})

test.serial('what may not be read is told, and the rest is checked all the same', async (t) => {
  const { server, kubeconfig } = await liveCluster(t)
  server.apply(configMap('mode: nftables\n'))
  for (const kind of ['ConfigMap', 'Pod'] as const) server.break(kind, { kind: 'forbidden', user: 'proxy' })
  const report = await checkReport({ kubeconfig, fromMode: 'nftables' }, silent)
  t.deepEqual(
    report.skipped.map(({ what }) => what),
    ['ConfigMap kube-system/kube-proxy', 'host ports of pods', 'this machine'],
  )
  t.regex(report.skipped[0]?.why ?? '', /forbidden/)
  t.is(report.dataplanes[0]?.configuration.from, 'flags')
  t.deepEqual(report.today, { mode: 'nftables', by: '--from-mode' })
  t.is(report.dataplanes[0]?.services?.services, 6)
  t.true(report.clean)
})

test.serial('who may not read Services is told at once, and of all kinds together', async (t) => {
  const { server, kubeconfig } = await liveCluster(t)
  const said: string[] = []
  const read = () => checkReport({ kubeconfig }, (line) => said.push(line))
  for (const kind of ['Service', 'EndpointSlice'] as const)
    server.break(kind, { kind: 'forbidden', user: 'proxy' })
  const error = await t.throwsAsync(read())
  t.regex(error?.message ?? '', /^https:.* doesn't let this user read services, endpointslices$/)
  t.true(
    said.some((line) => line.includes('grant list and watch on services to this user')),
    said.join('\n'),
  )
  t.false(
    said.some((line) => line.startsWith('waiting for')),
    said.join('\n'),
  )
})

const nodeOf = (name: string, nodeInfo: object): ApiObject => ({
  kind: 'Node',
  metadata: { name },
  status: { nodeInfo: { operatingSystem: 'linux', architecture: 'amd64', ...nodeInfo } },
})

test.serial('from a laptop each node tells its versions, and a dataplane whether they suffice', async (t) => {
  const { server, kubeconfig } = await liveCluster(t)
  const info = { osImage: 'Debian GNU/Linux 12', kubeletVersion: 'v1.37.2', containerRuntimeVersion: 'x://1' }
  server.apply(nodeOf('new-1', { ...info, kernelVersion: '6.1.0-57-amd64' }))
  server.apply(nodeOf('new-2', { ...info, kernelVersion: '6.1.0-57-amd64' }))
  server.apply(nodeOf('old', { ...info, kernelVersion: '5.15.0', kubeProxyVersion: 'v1.30.0' }))
  server.apply(nodeOf('power', { architecture: 'ppc64le', kernelVersion: '6.12.0' }))
  server.apply(nodeOf('pane', { operatingSystem: 'windows', kernelVersion: '10.0.20348.1' }))
  const report = await checkReport({ kubeconfig, dataplane: 'nftables,iptables,ebpf' }, silent)
  t.deepEqual(
    report.dataplanes.map(({ dataplane, nodes }) => [dataplane, nodes]),
    [
      ['nftables', { kernel: '5.13', nodes: 4, tooOld: [] }],
      ['iptables', { kernel: null, nodes: 4, tooOld: [] }],
      ['ebpf', { kernel: '6.1', nodes: 4, tooOld: ['old (5.15.0)'] }],
    ],
  )
  t.deepEqual(
    report.hazards?.map(({ effect, kind }) => `${effect} ${kind}`),
    ['lost other-architecture', 'note other-system'],
  )
  const text = describeReport(report)
  t.true(text.includes('  2        Linux 6.1.0-57-amd64, amd64, Debian GNU/Linux 12'), text.join('\n'))
  t.true(text.includes('           who: new-1, new-2'))
  t.true(text.includes('           with: kubelet v1.37.2, kube-proxy v1.30.0, x://1'))
  t.true(text.includes('  ok       4 nodes of Linux 5.13 or newer, as it needs'))
  t.true(text.includes('  blocked  1 of 4 nodes older than Linux 6.1, which it needs: old (5.15.0)'))
  const narrow = describeReport(report, 60)
  t.true(narrow.includes('  2        Linux 6.1.0-57-amd64, amd64, Debian GNU/Linux 12'), narrow.join('\n'))
  t.deepEqual(
    narrow.slice(2).filter((line) => line.length > 60),
    [],
  )
  t.deepEqual(describeReport(report, 0), text, 'a terminal that does not know its size')
  t.deepEqual(describeReport(report, 7), describeReport(report, 40))
  const only = await checkReport({ kubeconfig, fromMode: 'nftables', dataplane: 'ebpf' }, silent)
  t.false(only.clean)
})

test.serial('a cluster without the ConfigMap, or with one of something else, is told', async (t) => {
  const { server, kubeconfig } = await liveCluster(t)
  const why = async () => {
    const { skipped } = await checkReport({ kubeconfig }, silent)
    return skipped.find(({ what }) => what.startsWith('ConfigMap'))?.why
  }
  t.is(await why(), 'there is none')
  server.apply({ ...configMap(''), data: { other: 'text' } })
  t.is(await why(), 'it holds no KubeProxyConfiguration')
  server.break('ConfigMap', { kind: 'html' })
  t.is(await why(), 'it holds no KubeProxyConfiguration')
})

test.serial('a configuration that is to come is compared with the one that there is', async (t) => {
  const { server, kubeconfig, path } = await liveCluster(t)
  server.apply(configMap('clusterCIDR: 10.244.0.0/16\n'))
  await writeFile(path('new.conf'), configuration('mode: nftables\nclusterCIDR: 10.244.0.0/16\n'))
  const report = await checkReport({ kubeconfig, config: path('new.conf') }, silent)
  t.is(report.today.mode, 'iptables', 'no mode is iptables')
  t.deepEqual(differences(report, 'nftables'), ['lost node-port-address', 'lost node-port-address'])
  await writeFile(path('broken.conf'), configuration('clusterCIDR: 10.244.0.0/99\n'))
  const broken = await checkReport({ kubeconfig, config: path('broken.conf') }, silent)
  t.deepEqual(
    broken.dataplanes[0]?.configuration.problems.map(({ setting }) => setting),
    ['clusterCIDR'],
  )
  t.is(broken.dataplanes[0]?.services, null)
  const text = describeReport(broken)
  t.true(text.includes('Configuration'), 'it names no dataplane either')
  t.is(
    text.filter((line) => line.startsWith("  blocked  broken.conf:3: clusterCIDR '10.244.0.0/99': ")).length,
    1,
  )
  t.false(broken.clean)
})

test.serial('with the fix that is named nothing is lost', async (t) => {
  const { server, kubeconfig, path } = await liveCluster(t)
  server.apply(configMap('mode: iptables\n'))
  await writeFile(path('new.conf'), configuration('mode: nftables\nnodePortAddresses: [all, localhost]\n'))
  const report = await checkReport({ kubeconfig, config: path('new.conf') }, silent)
  // Loopback is forwarded, and of IPv6 too, which kube-proxy's iptables hasn't got.
  t.deepEqual(differences(report, 'nftables'), ['opened node-port-address', 'changed gap:localhostNodePorts'])
})

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function portolan(...args: string[]): Promise<Ended> {
  return portolanIn({}, ...args)
}

async function portolanIn(environment: NodeJS.ProcessEnv, ...args: string[]): Promise<Ended> {
  const env = { ...process.env, ...environment }
  try {
    return { code: 0, ...(await promisify(execFile)(process.execPath, [program, ...args], { env })) }
  } catch (error) {
    return error as unknown as Ended
  }
}

test.serial('the exit code says whether there is anything to decide', async (t) => {
  const source = ['--source', `file:${sample}`]
  const same = await portolan('check', ...source, '--from-mode', 'nftables')
  t.is(same.code, 0, same.stderr + same.stdout)
  t.regex(same.stdout, /^Today: kube-proxy in mode nftables \(--from-mode\)$/m)
  t.regex(same.stdout, /^ {2}ok {7}6 Services, all served as today$/m)
  const other = await portolan('check', ...source, '--from-mode', 'iptables', '--json')
  t.is(other.code, 1)
  t.false((JSON.parse(other.stdout) as CheckReport).clean)
  t.is((await portolan('check', ...source, '--from-mode', 'magic')).code, 2)
  t.is((await portolan('check', '--source', 'file:/nowhere.yaml')).code, 1)
  const missing = await portolan('check', ...source, '--dataplane', 'nftables,')
  t.is(missing.code, 2)
  t.regex(missing.stderr, /--dataplane 'nftables,': a name is missing/)
  const all = await portolan('check', ...source, '--dataplane', 'ebpf, all', '--json')
  t.deepEqual(
    (JSON.parse(all.stdout) as CheckReport).dataplanes.map(({ dataplane }) => dataplane),
    ['ebpf', 'nftables', 'iptables', 'ipvs'],
  )
  const unknown = await portolan('check', ...source, '--dataplane', 'nonsense')
  t.is(unknown.code, 1)
  t.regex(unknown.stderr, /dataplane 'nonsense' is not installed/)
})

const scaledToZero = `
kind: Service
apiVersion: v1
metadata: { namespace: shop, name: web }
spec: { clusterIP: 10.96.0.9, sessionAffinity: ClientIP, ports: [{ port: 80 }] }
`
const slice = (conditions: string) => `---
kind: EndpointSlice
apiVersion: discovery.k8s.io/v1
metadata: { namespace: shop, name: web-1, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ port: 8080 }]
endpoints: [{ addresses: [10.1.0.2], conditions: ${conditions} }]
`

for (const [what, slices] of [
  ['no endpoint', ''],
  ['none that is ready', slice('{ ready: false }')],
  ['one', slice('{ ready: true }')],
] as const)
  test.serial(`a Service with ${what} is told for how it is served once it has some`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'pl-check-'))
    t.teardown(() => rm(folder, { recursive: true }))
    await writeFile(join(folder, 'cluster.yaml'), scaledToZero + slices)
    const source = `file:${join(folder, 'cluster.yaml')}`
    const found = async (fromMode: 'ipvs' | 'iptables', dataplane: string) => {
      const report = await checkReport({ source, fromMode, dataplane, clusterCidr: '10.244.0.0/16' }, silent)
      return report.dataplanes[0]?.services?.findings.map(({ effect, kind }) => `${effect} ${kind}`) ?? []
    }
    t.true((await found('iptables', 'ipvs')).includes('changed gap:affinityTimeout'))
    // That it is refused without endpoints is of today alone.
    t.is((await found('ipvs', 'nftables')).includes('note gap:rejectWithoutEndpoint'), what !== 'one')
  })

test.serial('in a pod that may not read its cluster the node is checked all the same', async (t) => {
  // One that kubectl debug makes has an account that may list nothing, which takes as long to tell as a slow server.
  const pod = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: 'none' }
  const { stdout, stderr } = await portolanIn(pod, 'check', '--json')
  t.not(stdout, '', stderr)
  const { cluster, node, dataplanes, skipped } = JSON.parse(stdout) as CheckReport
  t.is(cluster, null)
  t.not(node, null)
  t.not(dataplanes[0]?.probe, null)
  t.deepEqual(
    skipped.map(({ what }) => what),
    ['Services'],
  )
  t.regex(skipped[0]?.why ?? '', /^the cluster of this pod can't be read: /)
  const named = await portolanIn(pod, 'check', '--kubeconfig', '/nowhere')
  t.is(named.code, 1)
  t.is(named.stdout, '')
})

test.serial('an address of the API server alone names no cluster, and is not left unread', async (t) => {
  const { code, stderr } = await portolan('check', '--master', 'https://192.0.2.1:6443')
  t.is(code, 2)
  t.regex(stderr, /give --kubeconfig FILE/)
})

test.serial('on a node each dataplane is really probed, and others are found', async (t) => {
  const node = await NodeNamespace.create(t)
  await node.run('nft', 'add table ip kube-proxy')
  await node.run('nft', 'add table ip filter')
  await node.run('nft', 'add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }')
  await node.run('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1')
  const args = ['check', '--source', `file:${sample}`, '--node', 'node-a', '--dataplane', 'all', '--json']
  const run = node.run(process.execPath, program, ...args)
  const { stdout } = await run.then(
    (text) => ({ stdout: text }),
    (error: { readonly stdout: string }) => error,
  )
  const report = JSON.parse(stdout) as CheckReport
  t.is(report.node?.name, 'node-a')
  t.deepEqual(
    report.node?.findings.map(({ effect, kind }) => `${effect} ${kind}`),
    ['changed forward-drop', 'note kube-proxy'],
  )
  t.deepEqual(report.today, { mode: 'nftables', by: 'by its rules on this node' })
  const probes = new Map(report.dataplanes.map(({ dataplane, probe }) => [dataplane, probe]))
  t.deepEqual([...probes.keys()], ['nftables', 'iptables', 'ipvs', 'ebpf'])
  t.true(probes.get('nftables')?.usable)
  t.regex(probes.get('nftables')?.facts.nft ?? '', /^\d/)
  // Which of the others this kernel has is its own business: each says what it lacks.
  for (const [name, probe] of probes)
    t.is(probe?.usable, probe?.problems.length === 0, `${name}: ${JSON.stringify(probe)}`)
})
