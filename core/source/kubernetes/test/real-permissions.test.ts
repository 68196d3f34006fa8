import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { realApiServerTest } from '@portolan/real-api-server'
import test from 'ava'
import type { ObservedSource } from './observed-source.ts'
import { generousMs, RealCluster, service, slice } from './real-cluster.ts'

// Who may read what, as a real kube-apiserver decides it.

const real = realApiServerTest(test)
const limitMs = 600_000
const rbac = '/apis/rbac.authorization.k8s.io/v1'

interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
}

const allRules: readonly Rule[] = [
  { apiGroups: [''], resources: ['services', 'nodes'] },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'] },
  { apiGroups: ['networking.k8s.io'], resources: ['servicecidrs'] },
]

async function allow(cluster: RealCluster, user: string, rules: readonly Rule[]): Promise<void> {
  const verbs = ['list', 'watch']
  await cluster.create(`${rbac}/clusterroles`, {
    metadata: { name: user },
    rules: rules.map((rule) => ({ ...rule, verbs })),
  })
  await cluster.create(`${rbac}/clusterrolebindings`, {
    metadata: { name: user },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: user },
    subjects: [
      { kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: user },
      { kind: 'ServiceAccount', namespace: 'shop', name: user },
    ],
  })
}

async function sourceOf(cluster: RealCluster, token: string): Promise<ObservedSource> {
  const kubeconfig = join(cluster.folder, `kubeconfig-${token}`)
  await cluster.server.writeKubeconfig(kubeconfig, token)
  return cluster.source({ kubeconfig })
}

real('what is permitted is delivered, and what is not is told, until it is permitted', async (t) => {
  t.timeout(limitMs)
  await using cluster = await RealCluster.start({ tokens: { narrow: { name: 'narrow' } } })
  await cluster.createObject(service('web'))
  await cluster.createObject(slice('web', ['10.1.0.1']))
  await allow(cluster, 'narrow', allRules.slice(0, 1))
  await using observed = await sourceOf(cluster, 'narrow')
  await observed.until((o) => o.isSynced('Service') && o.isSynced('Node'), generousMs)
  // ServiceCIDRs are optional: without them nothing is dropped for being unallocated.
  await observed.until((o) => o.isSynced('ServiceCIDR'), generousMs)
  await observed.until((o) => o.complaints('endpointslices.discovery.k8s.io').length > 0, generousMs)
  t.false(observed.isSynced('EndpointSlice'))
  t.regex(
    JSON.stringify(observed.complaints('endpointslices.discovery.k8s.io')),
    /User \\"narrow\\" cannot (list|watch) resource \\"endpointslices\\"/,
  )
  t.deepEqual(observed.complaints('services'), [])

  await cluster.server.client.request('DELETE', `${rbac}/clusterrolebindings/narrow`)
  await cluster.server.client.request('DELETE', `${rbac}/clusterroles/narrow`)
  await allow(cluster, 'narrow', allRules)
  await observed.until((o) => o.isSynced('EndpointSlice'), generousMs)
  await cluster.converged(observed)
})

real('a service account whose token is revoked goes on with the next one from its file', async (t) => {
  t.timeout(limitMs)
  await using cluster = await RealCluster.start()
  await cluster.createObject(slice('web', ['10.1.0.1']))
  await allow(cluster, 'proxy', allRules)
  const accounts = '/api/v1/namespaces/shop/serviceaccounts'
  const issue = async () => {
    await cluster.create(accounts, { metadata: { name: 'proxy' } })
    const { body } = await cluster.create(`${accounts}/proxy/token`, { spec: { expirationSeconds: 3600 } })
    await writeFile(join(cluster.folder, 'token.new'), body.status.token)
    await rename(join(cluster.folder, 'token.new'), join(cluster.folder, 'token'))
    return body.status.token as string
  }
  const first = await issue()
  await writeFile(join(cluster.folder, 'ca.crt'), cluster.server.certificateAuthority)
  const { hostname, port } = new URL(cluster.server.url)
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'real',
    contexts: [{ name: 'real', context: { cluster: 'real', user: 'proxy' } }],
    clusters: [
      { name: 'real', cluster: { server: `https://${hostname}:${port}`, 'certificate-authority': 'ca.crt' } },
    ],
    users: [{ name: 'proxy', user: { tokenFile: 'token' } }],
  }
  const path = join(cluster.folder, 'kubeconfig-proxy')
  await writeFile(path, JSON.stringify(kubeconfig))
  await using observed = await cluster.source({
    kubeconfig: path,
    timings: { watchSeconds: 1, stableAfterMs: 500 },
  })
  await observed.until((o) => o.allSynced, generousMs)
  await cluster.converged(observed)

  await cluster.server.client.request('DELETE', `${accounts}/proxy`)
  // kube-apiserver remembers for 10 s who a token stands for; watches that are open go on to their end.
  const refused = async () =>
    (await cluster.server.client.request('GET', '/version', { token: first })).status === 401
  while (!(await refused())) await new Promise((resolve) => setTimeout(resolve, 200))
  await observed.until((o) => o.complaints('endpointslices.discovery.k8s.io').length > 0, generousMs)
  t.regex(JSON.stringify(observed.complaints()), /401/)
  await cluster.apply(slice('web', ['10.1.0.2']))
  await issue()
  await cluster.converged(observed)
})
