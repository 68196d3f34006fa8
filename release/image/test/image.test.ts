/** The image as a node runs it: by a container runtime, as the DaemonSet says, with packets through its Services. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ApiObject } from '@portolan/api-server'
import { createLab, NamespaceRelay } from '@portolan/lab'
import { realApiServerTest } from '@portolan/real-api-server'
import test, { type ExecutionContext } from 'ava'
import { execa } from 'execa'
import { parseAllDocuments } from 'yaml'
import { pack } from '../../pack/pack.ts'
import { type Architecture, architectures } from '../architecture.ts'
import { layRootFileSystem, type RootFileSystem } from '../build-image.ts'
import { resolvePackages } from '../debian.ts'
import { ImageError } from '../image-error.ts'
import { type Pinned, readPinned } from '../pinned.ts'
import { RunningContainer } from './container.ts'
import { embeddedCluster, type Manifest, realCluster } from './test-cluster.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'portolan-image-test-'))
const own = architectures.find(({ node }) => node === process.arch)
let image: RootFileSystem | undefined

test.before(async (t) => {
  t.timeout(900_000)
  if (own === undefined) return
  const archives = await pack(root, join(folder, 'archives'))
  const lay = (pinned: Pinned, into: string) =>
    layRootFileSystem(root, archives, own, pinned, join(folder, into))
  const pinned = await readPinned()
  try {
    image = await lay(pinned, 'pinned')
  } catch (error) {
    if (!(error instanceof ImageError && error.code === 'IMAGE_PACKAGE')) throw error
    t.log(`with the newest packages, for Debian no longer has the pinned ones: ${error.message}`)
    image = await lay(await newest(pinned, own), 'newest')
  }
})

async function newest(pinned: Pinned, architecture: Architecture): Promise<Pinned> {
  return {
    ...pinned,
    debian: { ...pinned.debian, [architecture.name]: await resolvePackages(architecture) },
  }
}

test.after.always(() => rm(folder, { recursive: true, force: true }))

const real = realApiServerTest(test)

/** A real server makes its own. */
const serviceCidr: ApiObject = {
  kind: 'ServiceCIDR',
  apiVersion: 'networking.k8s.io/v1',
  metadata: { name: 'kubernetes' },
  spec: { cidrs: ['10.96.0.0/16'] },
} as ApiObject

const node: ApiObject = {
  kind: 'Node',
  apiVersion: 'v1',
  metadata: { name: 'node-a' },
  spec: { podCIDRs: ['10.1.0.0/24'] },
  status: { addresses: [{ type: 'InternalIP', address: '172.20.0.2' }] },
} as ApiObject

const service: ApiObject = {
  kind: 'Service',
  apiVersion: 'v1',
  metadata: { namespace: 'shop', name: 'web' },
  spec: {
    type: 'NodePort',
    clusterIP: '10.96.0.10',
    clusterIPs: ['10.96.0.10'],
    ipFamilies: ['IPv4'],
    ports: [{ protocol: 'TCP', port: 80, targetPort: 8080, nodePort: 30080 }],
  },
} as ApiObject

const ranges = { embedded: [serviceCidr], real: [] } as const

function slice(address: string): ApiObject {
  return {
    kind: 'EndpointSlice',
    apiVersion: 'discovery.k8s.io/v1',
    metadata: { namespace: 'shop', name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [{ name: '', protocol: 'TCP', port: 8080 }],
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
  } as ApiObject
}

const clusters = { embedded: embeddedCluster, real: realCluster } as const

for (const dataplane of ['nftables', 'iptables', 'ebpf']) {
  const claim = `a node runs the image as the DaemonSet says, and packets go through: ${dataplane}`
  test.serial(claim, (t) => serves(t, dataplane, 'embedded'))
  real(claim, (t) => serves(t, dataplane, 'real'))
}

/** The Node as it is made, and what the real server then holds it to: the printed policy decides what the pod may do. */
const taint = { key: 'portolan.dev/not-in-sync', effect: 'NoExecute' }
const otherTaint = { key: 'example.com/gpu', effect: 'NoSchedule' }
const taintedNode = {
  ...node,
  spec: { podCIDRs: ['10.1.0.0/24'], taints: [taint, otherTaint] },
} as ApiObject

async function serves(t: ExecutionContext, dataplane: string, kind: keyof typeof clusters): Promise<void> {
  t.timeout(300_000)
  if (image === undefined) {
    t.pass(`there is no image for ${process.arch}`)
    return
  }
  await using lab = await createLab()
  await using cluster = await clusters[kind]()
  const { hostname, port } = new URL(cluster.url)
  const relay = await NamespaceRelay.listen(lab.node.networkNamespace, { host: hostname, port: Number(port) })
  try {
    for (const object of [...ranges[kind], taintedNode, service, slice('10.1.0.2')])
      await cluster.apply(object)
    await lab.pods[0]!.serve('TCP', '10.1.0.2', 8080)
    await lab.pods[1]!.serve('TCP', '10.1.0.3', 8080)
    const files = join(folder, kind, dataplane)
    const manifests = await printed(dataplane, `https://127.0.0.1:${relay.port}`)
    const { pod, token } = await cluster.install(manifests, 'node-a')
    await asKubeletMounts(files, manifests, { token, 'ca.crt': cluster.certificateAuthority })
    const cgroup = process.env.PORTOLAN_TEST_CGROUP
    const options = {
      pod,
      layers: [image.program, image.base],
      networkNamespace: lab.node.networkNamespace,
      nodeName: 'node-a',
      serviceAccount: join(files, 'account'),
      volumes: {
        config: join(files, 'config'),
        'xtables-lock': join(files, 'xtables.lock'),
        ...(cgroup === undefined ? {} : { cgroup }),
      },
      // Other tests' sockets are none of its business, and so the cgroup is none that is taken by itself.
      args: dataplane === 'ebpf' ? ['--dataplane-option=cgroup=/host/sys/fs/cgroup'] : [],
      folder: join(files, 'bundle'),
    }
    await using container = await RunningContainer.start(options)
    await container.logged('node-in-sync')
    const ask = async (from: 'pod' | 'outside') => {
      const [host, address, port] =
        from === 'pod' ? [lab.pods[1]!, '10.96.0.10', 80] : [lab.outside, '172.20.0.2', 30080]
      return await host.probe({ protocol: 'TCP', to: { address, port }, timeoutMs: 5000 })
    }
    t.like(await ask('pod'), { result: 'answered', host: 'pod0' }, container.said)
    t.like(await ask('outside'), { result: 'answered', host: 'pod0' }, container.said)
    await cluster.apply(slice('10.1.0.3'))
    await eventually(async () => {
      const answer = await ask('outside')
      return 'host' in answer && answer.host === 'pod1'
    })
    await eventually(async () => (await cluster.events()).includes('Starting of Node'))
    await eventually(async () => !(await cluster.taints('node-a')).includes(taint.key))
    t.true((await cluster.taints('node-a')).includes(otherTaint.key))
    t.deepEqual(
      container.lines.filter(({ level }) => level === 'error'),
      [],
    )
    const { residentMemory, isFiltered } = await container.process()
    t.log(`${Math.round(residentMemory)} MiB resident`)
    t.is(isFiltered, process.arch === 'x64', "by containerd's default seccomp profile")
    t.is(await container.stop(), 0, container.said)
    t.like(await ask('outside'), { result: 'answered', host: 'pod1' }, 'the rules stay')
    // As docs/install.md has it done on the way back.
    const [first] = pod.containers
    const cleaning = { ...first, command: [...first.command, '--cleanup'] }
    await using clean = await RunningContainer.start({
      ...options,
      pod: { ...pod, containers: [cleaning] },
      folder: join(files, 'cleaning'),
    })
    t.is(await clean.ended(), 0, clean.said)
    t.regex(clean.said, new RegExp(`^${dataplane}: removed `, 'm'))
    await eventually(async () => (await ask('outside')).result !== 'answered')
  } finally {
    await relay.close()
  }
}

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 60_000; performance.now() < end; ) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`waited in vain for ${holds}`)
}

/** What `portolan install` prints. */
async function printed(dataplane: string, apiServer: string): Promise<readonly Manifest[]> {
  const flags = [
    '--api-server',
    apiServer,
    '--cluster-cidr',
    '10.1.0.0/16',
    '--dataplane',
    dataplane,
    '--startup-taint',
  ]
  // Only a machine's first network namespace has the former; as kubelet's is the latter: what the process has.
  const oomScore = (await readFile('/proc/self/oom_score_adj', 'utf8')).trim()
  const ofNode = ['--conntrack-max-per-core', '0', '--oom-score-adj', oomScore]
  const portolan = join(root, 'core', 'cli', 'portolan.js')
  const { stdout } = await execa(process.execPath, [portolan, 'install', '--print', ...flags, ...ofNode])
  // As kubectl reads it.
  return parseAllDocuments(stdout, { version: '1.1' }).map((document) => document.toJS() as Manifest)
}

/** The ConfigMap in `config/`, the account in `account/`, and the node's own file that iptables locks. */
async function asKubeletMounts(
  into: string,
  manifests: readonly Manifest[],
  account: Readonly<Record<string, string>>,
): Promise<void> {
  const { data } = manifests.find(({ kind }) => kind === 'ConfigMap') as unknown as {
    readonly data: Readonly<Record<string, string>>
  }
  for (const [name, texts] of Object.entries({ config: data, account })) {
    await mkdir(join(into, name), { recursive: true })
    for (const [file, text] of Object.entries(texts)) await writeFile(join(into, name, file), text)
  }
  await writeFile(join(into, 'xtables.lock'), '')
}
