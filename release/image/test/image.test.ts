/** The image as a node runs it: by a container runtime, as the DaemonSet says, with packets through its Services. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ApiObject, ApiServer } from '@portolan/api-server'
import { createLab, NamespaceRelay } from '@portolan/lab'
import test from 'ava'
import { execa } from 'execa'
import { parseAllDocuments } from 'yaml'
import { pack } from '../../pack/pack.ts'
import { type Architecture, architectures } from '../architecture.ts'
import { layRootFileSystem, type RootFileSystem } from '../build-image.ts'
import { resolvePackages } from '../debian.ts'
import { ImageError } from '../image-error.ts'
import { type Pinned, readPinned } from '../pinned.ts'
import { type PodSpec, RunningContainer } from './container.ts'

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

function slice(address: string): ApiObject {
  return {
    kind: 'EndpointSlice',
    apiVersion: 'discovery.k8s.io/v1',
    metadata: { namespace: 'shop', name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [{ protocol: 'TCP', port: 8080 }],
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
  } as ApiObject
}

for (const dataplane of ['nftables', 'iptables', 'ebpf'])
  test.serial(
    `a node runs the image as the DaemonSet says, and packets go through: ${dataplane}`,
    async (t) => {
      t.timeout(300_000)
      if (image === undefined) return t.pass(`there is no image for ${process.arch}`)
      await using lab = await createLab()
      const server = new ApiServer({ tokens: ['secret'] })
      await server.start()
      const { hostname, port } = new URL(server.url)
      const relay = await NamespaceRelay.listen(lab.node.networkNamespace, {
        host: hostname,
        port: Number(port),
      })
      try {
        for (const object of [serviceCidr, node, service, slice('10.1.0.2')]) server.apply(object)
        await lab.pods[0].serve('TCP', '10.1.0.2', 8080)
        await lab.pods[1].serve('TCP', '10.1.0.3', 8080)
        const files = join(folder, dataplane)
        const pod = await manifests(dataplane, `https://127.0.0.1:${relay.port}`, files)
        await serviceAccount(server, join(files, 'account'))
        await writeFile(join(files, 'xtables.lock'), '')
        const cgroup = process.env.PORTOLAN_TEST_CGROUP
        await using container = await RunningContainer.start({
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
        })
        await container.logged('node-in-sync')
        const ask = async (from: 'pod' | 'outside') => {
          const [host, address, port] =
            from === 'pod' ? [lab.pods[1], '10.96.0.10', 80] : [lab.outside, '172.20.0.2', 30080]
          return await host.probe({ protocol: 'TCP', to: { address, port }, timeoutMs: 5000 })
        }
        t.like(await ask('pod'), { result: 'answered', host: 'pod0' }, container.said)
        t.like(await ask('outside'), { result: 'answered', host: 'pod0' }, container.said)
        server.apply(slice('10.1.0.3'))
        let answer = await ask('outside')
        for (let tries = 0; tries < 200 && !('host' in answer && answer.host === 'pod1'); tries++)
          answer = await ask('outside')
        t.like(answer, { result: 'answered', host: 'pod1' }, container.said)
        t.deepEqual(
          container.lines.filter(({ level }) => level === 'error'),
          [],
        )
        t.log(`${Math.round(await container.residentMemory())} MiB resident`)
        t.is(await container.stop(), 0, container.said)
        t.like(await ask('outside'), { result: 'answered', host: 'pod1' }, 'the rules stay')
      } finally {
        await relay.close()
        await server.stop()
      }
    },
  )

/** What `portolan install` prints: the ConfigMap as files in `config/`, and the pod of the DaemonSet. */
async function manifests(dataplane: string, apiServer: string, into: string): Promise<PodSpec> {
  const flags = ['--api-server', apiServer, '--cluster-cidr', '10.1.0.0/16', '--dataplane', dataplane]
  // Only a machine's first network namespace has the former; as kubelet's is the latter: what the process has.
  const node = [
    '--conntrack-max-per-core',
    '0',
    '--oom-score-adj',
    (await readFile('/proc/self/oom_score_adj', 'utf8')).trim(),
  ]
  const portolan = join(root, 'core', 'cli', 'portolan.js')
  const { stdout } = await execa(process.execPath, [portolan, 'install', '--print', ...flags, ...node])
  const objects = parseAllDocuments(stdout).map((document) => document.toJS())
  const { data } = objects.find(({ kind }) => kind === 'ConfigMap') as { data: Record<string, string> }
  await mkdir(join(into, 'config'), { recursive: true })
  for (const [name, text] of Object.entries(data)) await writeFile(join(into, 'config', name), text)
  return objects.find(({ kind }) => kind === 'DaemonSet').spec.template.spec as PodSpec
}

async function serviceAccount(server: ApiServer, into: string): Promise<void> {
  await mkdir(into, { recursive: true })
  await writeFile(join(into, 'ca.crt'), server.certificateAuthority ?? '')
  await writeFile(join(into, 'token'), 'secret')
}
