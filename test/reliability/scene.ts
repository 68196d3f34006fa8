import { rmSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLab, type Lab, network } from '@portolan/lab'
import { Changes } from './changes.ts'
import {
  balancedObjects,
  endpointAddress,
  fillerObjects,
  nodeName,
  nodeObject,
  type Place,
  steadyObjects,
  targets,
  zonedObjects,
  zones,
} from './cluster-objects.ts'
import { startEmbeddedServer } from './embedded-server.ts'
import type { FaultyServer } from './faulty-server.ts'
import { ProxyProcess } from './proxy-process.ts'
import { startRealServer } from './real-server.ts'
import { ServerLink } from './server-link.ts'

export const dataplanes = ['nftables', 'iptables', 'ebpf', 'ipvs'] as const
export type DataplaneName = (typeof dataplanes)[number]

export interface SceneOptions {
  readonly dataplane: DataplaneName
  readonly server: FaultyServer['name']
  /** Services that nobody asks, beside those with packets. */
  readonly services: number
  /** Of each of those, in each family. Default 3. */
  readonly endpoints?: number
  /** How many times as long as on a usual machine everything may take; also, as much less traffic. */
  readonly slowness: number
}

/** A node with `portolan run` on it, the API server of its cluster, and what clients and endpoints it has. */
export interface Scene extends AsyncDisposable {
  readonly dataplane: DataplaneName
  readonly slowness: number
  readonly lab: Lab
  readonly server: FaultyServer
  readonly link: ServerLink
  readonly proxy: ProxyProcess
  readonly changes: Changes
  /** Flags of `portolan run` with any of the dataplanes on this node. */
  flagsOf(dataplane: DataplaneName, options?: readonly string[]): readonly string[]
}

/** Milliseconds that the node may need until it does what the cluster says. */
const limitMs = 90_000
const betweenLooksMs = 20
/** Services that small maps have room for. */
const smallMapsServices = 2000
/** Small, for many at once on one machine; flows are as many as a row makes, so that none makes room for another. */
const smallMaps = [
  ...['frontends', 'services', 'endpoints', 'members'].map((map) => `${map}-size=8192`),
  'flows-size=65536',
]

/** Resolves when the node does what the cluster says. */
export async function createScene({
  dataplane,
  server: which,
  services,
  endpoints = 3,
  slowness,
}: SceneOptions): Promise<Scene> {
  await using made = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'portolan-reliability-'))
  // Also where the run is interrupted.
  const removeFolder = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', removeFolder)
  made.defer(() => {
    process.off('exit', removeFolder)
    removeFolder()
  })
  const lab = made.use(await createLab({ slowness }))
  await serveEndpoints(lab)
  const server = made.use(await (which === 'embedded' ? startEmbeddedServer() : startRealServer()))
  const link = made.use(await ServerLink.to(server, lab))
  const changes = new Changes(lab, server, { fillers: services, slowness })
  await server.apply([nodeObject(zones.pod0), ...steadyObjects(), ...balancedObjects(), ...zonedObjects()])
  for (let number = 0; number < services; number++) await server.apply(fillerObjects(number, 0, endpoints))
  await changes.begin()
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, link.kubeconfig, { mode: 0o600 })

  const { networkNamespace } = lab.node
  const flagsOf = (name: DataplaneName, options: readonly string[] = []) => [
    ...['--kubeconfig', kubeconfig, '--node', nodeName, '--dataplane', name],
    ...['--cluster-cidr', `${network.IPv4.clusterCidr},${network.IPv6.clusterCidr}`],
    ...['--nodeport-addresses', 'all'],
    ...[...dataplaneOptions(name, networkNamespace, services), ...options].flatMap((option) => [
      '--dataplane-option',
      option,
    ]),
  ]
  const proxy = new ProxyProcess({ networkNamespace, flags: flagsOf(dataplane), slowness })
  made.defer(async () => {
    if (proxy.isRunning) await proxy.kill()
    await proxy.command('cleanup', '--dataplane', dataplane, '--force')
  })
  const scene = { dataplane, slowness, lab, server, link, proxy, changes, flagsOf }
  proxy.start()
  await proxy.told('node-in-sync')
  const { wrong } = await untilRight(scene)
  if (wrong.length > 0) throw new Error(`not right after the start:\n${wrong.join('\n')}\n${proxy.lastWords}`)
  const all = made.move()
  return { ...scene, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

/**
 * Looks until packets go as the cluster says, and the kernel holds what it says.
 *
 * @returns when that was, by `performance.now()`, and what was still wrong at the end of the time
 */
export async function untilRight(
  { changes, proxy, slowness }: Pick<Scene, 'changes' | 'proxy' | 'slowness'>,
  within = limitMs * slowness,
): Promise<{ at: number; wrong: readonly string[] }> {
  const end = performance.now() + within
  for (;;) {
    const at = performance.now()
    const wrong = await changes.wrong()
    if (wrong.length === 0) return { at, wrong }
    if (performance.now() > end) return { at, wrong }
    if (!proxy.isRunning) return { at, wrong: [`the proxy has ended: ${proxy.lastWords}`, ...wrong] }
    await sleep(betweenLooksMs)
  }
}

export async function serveEndpoints({ pods, remote }: Lab): Promise<void> {
  const [pod0] = pods
  if (pod0 === undefined) throw new Error('the lab has no pod')
  for (const [place, host] of [
    ['pod0', pod0],
    ['remote', remote],
  ] as const satisfies readonly (readonly [Place, object])[])
    for (const family of ['IPv4', 'IPv6'] as const) {
      const address = endpointAddress(place, family)
      await host.serve('TCP', address, targets.tcp)
      await host.serve('UDP', address, targets.udp)
      await host.serveRecorded('UDP', address, targets.flow)
    }
}

/** As on a node of its own: eBPF's programs at sockets see those of the whole machine. */
export function dataplaneOptions(dataplane: string, networkNamespace: string, services = 0): string[] {
  if (dataplane !== 'ebpf') return []
  const cgroup = process.env.PORTOLAN_TEST_CGROUP
  return [
    `pod-namespaces=${networkNamespace.replace(/node$/, 'pod*')}`,
    ...(cgroup === undefined ? [] : [`cgroup=${cgroup}`]),
    ...(services <= smallMapsServices ? smallMaps : []),
  ]
}
