import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { realApiServerTest } from '@portolan/real-api-server'
import test from 'ava'
import { parse, stringify } from 'yaml'
import { EventRecorder } from '../../events/event-recorder.ts'
import { serviceHealthCheckFailed, starting } from '../../events/proxy-events.ts'
import type { Logger } from '../../log/logger.ts'
import type { ObservedSource } from '../../source/kubernetes/test/observed-source.ts'
import { generousMs, RealCluster, service, slice } from '../../source/kubernetes/test/real-cluster.ts'
import { systemClock } from '../../time/clock.ts'
import { accessRules } from '../access-control.ts'
import type { InstallFlags } from '../install-options.ts'
import type { Manifest } from '../manifest.ts'
import { manifestsOf } from '../manifests.ts'
import { nodeAccess } from '../node-access.ts'
import { readInstallation } from '../read-installation.ts'
import { podSpecOf } from './started-pod.ts'

// What is installed, as a real kube-apiserver validates it and decides by it.

const real = realApiServerTest(test)

/** One for all of them: each takes seconds to start. */
let started: Promise<RealCluster> | undefined
function theCluster(): Promise<RealCluster> {
  started ??= RealCluster.start()
  return started
}
test.after.always(async () => (await started)?.[Symbol.asyncDispose]())

const limitMs = 600_000
const namespace = 'kube-system'

/** Plural names of the kinds, below the path of their group. */
const collections: Readonly<Record<string, string>> = {
  Namespace: 'namespaces',
  ServiceAccount: 'serviceaccounts',
  ConfigMap: 'configmaps',
  DaemonSet: 'daemonsets',
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
  Pod: 'pods',
}

interface Named {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
}

function manifests(cluster: RealCluster, flags: InstallFlags = {}): readonly Manifest[] {
  const given = { apiServer: new URL(cluster.server.url).host, clusterCidr: '10.244.0.0/16', ...flags }
  return manifestsOf(readInstallation(given, undefined, '0.1.0'))
}

/** Server-side apply, which takes no field that the server doesn't know. @throws where it isn't taken */
async function apply(cluster: RealCluster, object: object, options: Record<string, string> = {}) {
  const { apiVersion, kind, metadata } = object as Named
  const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  const place = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`
  const path = `${group}${place}/${collections[kind]}/${metadata.name}`
  const query = { fieldManager: 'test', fieldValidation: 'Strict', ...options }
  const contentType = 'application/apply-patch+yaml'
  const answer = await cluster.server.client.request('PATCH', path, { query, body: object, contentType })
  if (answer.status > 201) throw new Error(`${kind}: ${answer.status} ${JSON.stringify(answer.body)}`)
}

real(
  'every object for every dataplane is taken, and so is the pod that its DaemonSet would make',
  async (t) => {
    t.timeout(limitMs)
    const cluster = await theCluster()
    for (const dataplane of Object.keys(nodeAccess)) {
      const all = manifests(cluster, { dataplane, metricsBindAddress: '0.0.0.0', nodeSelector: ['a.b/c=d'] })
      for (const { object } of all) await apply(cluster, object, { dryRun: 'All' })
      const metadata = { name: 'one', namespace }
      // It is what knows of priority classes.
      await apply(
        cluster,
        { apiVersion: 'v1', kind: 'Pod', metadata, spec: podSpecOf(all) },
        { dryRun: 'All' },
      )
    }
    for (const { object } of manifests(cluster, { namespace: 'portolan' }))
      if ((object as unknown as Named).metadata.namespace === undefined)
        await apply(cluster, object, { dryRun: 'All' })
    const misspelt = {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'x', namespace },
      sekrets: [],
    }
    await t.throwsAsync(apply(cluster, misspelt, { dryRun: 'All' }), { message: /sekrets/ })
  },
)

/** A source that is the installed account, by the installed kubeconfig. */
async function installedSource(cluster: RealCluster, without?: number): Promise<ObservedSource> {
  const all = manifests(cluster)
  for (const { object } of all) {
    if (object.kind === 'ClusterRole') {
      const { rules } = object as unknown as { readonly rules: readonly object[] }
      await apply(cluster, { ...object, rules: rules.filter((_, index) => index !== without) })
    } else if (object.kind !== 'DaemonSet') await apply(cluster, object)
  }
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/portolan/token`
  const { body } = await cluster.create(path, { spec: { expirationSeconds: 3600 } })
  if (without === undefined) {
    // Who decides hears of a role a moment later.
    const list = () => cluster.server.client.request('GET', '/api/v1/services', { token: body.status.token })
    await until(async () => (await list()).status === 200)
  }
  // As kubelet mounts them.
  await writeFile(join(cluster.folder, 'token'), body.status.token)
  await writeFile(join(cluster.folder, 'ca.crt'), cluster.server.certificateAuthority)
  const { data } = all.find(({ object }) => object.kind === 'ConfigMap')?.object as {
    readonly data: Readonly<Record<string, string>>
  }
  const kubeconfig = parse(data['kubeconfig.conf'] ?? '')
  kubeconfig.clusters[0].cluster['certificate-authority'] = 'ca.crt'
  kubeconfig.users[0].user.tokenFile = 'token'
  const file = join(cluster.folder, 'kubeconfig-installed')
  await writeFile(file, stringify(kubeconfig))
  return cluster.source({ kubeconfig: file, nodeName: 'node-a' })
}

interface Told {
  readonly events: EventRecorder
  readonly warned: string[]
}

/** An Event about the Node, and one about a Service that comes again, which is a patch. */
function tellEvents(observed: ObservedSource): Told {
  const warned: string[] = []
  const silent = (): void => {}
  const warn: Logger['warn'] = (_fields, message) => warned.push(message)
  const logger = { debug: silent, info: silent, warn, error: silent }
  const events = new EventRecorder({
    nodeName: 'node-a',
    logger,
    clock: systemClock,
    date: Date.now,
    random: () => 0,
  })
  if (observed.source.api !== undefined) events.start(observed.source.api)
  events.record(starting('node-a', '0.1.0', 'nftables'))
  for (let times = 0; times < 3; times++) events.record(serviceHealthCheckFailed('shop/web', 30000, 'in use'))
  return { events, warned }
}

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  for (const end = performance.now() + generousMs; performance.now() < end; ) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`waited in vain for ${holds}`)
}

real('the installed account may do all that Portolan does', async (t) => {
  t.timeout(limitMs)
  const cluster = await theCluster()
  await cluster.apply(service('web'))
  await cluster.apply(slice('web', ['10.1.0.1']))
  await using observed = await installedSource(cluster)
  await observed.until((one) => one.allSynced, generousMs)
  await cluster.apply(slice('web', ['10.1.0.2']))
  await cluster.converged(observed)
  const { events, warned } = tellEvents(observed)
  t.teardown(() => events.stop())
  await until(async () => {
    const { body } = await cluster.server.client.get('/apis/events.k8s.io/v1/events')
    const told = (body.items as { reason: string; series?: { count: number } }[]).map(
      ({ reason, series }) => `${reason} ${series?.count ?? 1}`,
    )
    return told.includes('Starting 1') && told.includes('FailedToStartServiceHealthcheck 3')
  })
  t.deepEqual([observed.complaints(), warned], [[], []])
})

/** What is told where a rule of the role is missing, in the order of the rules. */
const missed: readonly (readonly [string, RegExp])[] = [
  ['Services and Nodes', /cannot (?:list|watch) resource \\"(?:services|nodes)\\"/],
  ['EndpointSlices', /cannot (?:list|watch) resource \\"endpointslices\\"/],
  ['ServiceCIDRs', /servicecidrs.networking.k8s.io/],
  ['Events', /cannot create resource \\"events\\".*Grant create and patch/],
]

real('without any one of its rules something is told', async (t) => {
  t.timeout(limitMs)
  t.is(missed.length, accessRules.length)
  const cluster = await theCluster()
  await cluster.apply(service('web'))
  for (const [without, [what, form]] of missed.entries()) {
    await using observed = await installedSource(cluster, without)
    const { events, warned } = tellEvents(observed)
    t.teardown(() => events.stop())
    // An optional resource that may not be read is no warning.
    const told = () => {
      const lines = observed.log.filter(
        ({ level, fields }) => level !== 'debug' && fields.event !== 'resource-synced',
      )
      return JSON.stringify([lines, warned])
    }
    await until(() => form.test(told()))
    t.pass(what)
  }
})
