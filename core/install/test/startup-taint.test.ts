import { realApiServerTest } from '@portolan/real-api-server'
import test, { type ExecutionContext } from 'ava'
import { startupTaint } from '../../cluster/parse-node.ts'
import { RealCluster } from '../../source/kubernetes/test/real-cluster.ts'
import { manifestsOf } from '../manifests.ts'
import { readInstallation } from '../read-installation.ts'

// What the account may do to Nodes, as a real kube-apiserver decides it by the printed role and policy.

const real = realApiServerTest(test)
const namespace = 'kube-system'
const ours = { key: startupTaint, effect: 'NoExecute' }
const theirs = { key: 'example.com/gpu', value: 'yes', effect: 'NoSchedule' }
const mergePatch = 'application/merge-patch+json'

const paths: Readonly<Record<string, string>> = {
  ValidatingAdmissionPolicy: '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies',
  ValidatingAdmissionPolicyBinding: '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings',
  ServiceAccount: `/api/v1/namespaces/${namespace}/serviceaccounts`,
  ClusterRole: '/apis/rbac.authorization.k8s.io/v1/clusterroles',
  ClusterRoleBinding: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
  ConfigMap: `/api/v1/namespaces/${namespace}/configmaps`,
  DaemonSet: `/apis/apps/v1/namespaces/${namespace}/daemonsets`,
}

/** Tokens as kubelet has them for the pod of a node; the last one is bound to none. */
interface Tokens {
  readonly ofA: string
  readonly ofB: string
  readonly unbound: string
}

async function install(cluster: RealCluster): Promise<Tokens> {
  const flags = { apiServer: '192.0.2.10', clusterCidr: '10.244.0.0/16', startupTaint: true }
  for (const { object } of manifestsOf(readInstallation(flags, undefined, '0.1.0')))
    await cluster.create(paths[String(object.kind)] ?? '', object)
  const account = `/api/v1/namespaces/${namespace}/serviceaccounts/portolan/token`
  const tokenOf = async (spec: object) =>
    (await cluster.create(account, { spec: { expirationSeconds: 3600, ...spec } })).body.status
      .token as string
  const onNode = async (node: string) => {
    await cluster.create('/api/v1/nodes', {
      metadata: { name: node, labels: { role: 'worker' } },
      spec: { taints: [ours, theirs], podCIDR: '10.244.1.0/24', podCIDRs: ['10.244.1.0/24'] },
    })
    const pods = `/api/v1/namespaces/${namespace}/pods`
    const pod = await cluster.create(pods, {
      metadata: { name: `portolan-${node}` },
      spec: {
        serviceAccountName: 'portolan',
        nodeName: node,
        containers: [{ name: 'portolan', image: 'portolan' }],
      },
    })
    const { name, uid } = pod.body.metadata
    return await tokenOf({ boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid } })
  }
  return { ofA: await onNode('node-a'), ofB: await onNode('node-b'), unbound: await tokenOf({}) }
}

type Patch = (
  token: string,
  node: string,
  body: object,
  path?: string,
) => Promise<{ status: number; why: string }>

function patching(cluster: RealCluster, options: Readonly<Record<string, string>> = {}): Patch {
  return async (token, node, body, path = '') => {
    const request = { token, query: options, body, contentType: mergePatch }
    const answer = await cluster.server.client.request('PATCH', `/api/v1/nodes/${node}${path}`, request)
    return { status: answer.status, why: String(answer.body.message ?? '') }
  }
}

/** Role and policy come into force a moment after they are made. */
async function inForce(t: ExecutionContext, patch: Patch, token: string): Promise<void> {
  const label = { metadata: { labels: { role: 'control-plane' } } }
  for (const end = performance.now() + 60_000; performance.now() < end; ) {
    const { status, why } = await patch(token, 'node-a', label)
    if (status !== 200 && why.includes('startup-taint')) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  t.fail('the policy is not in force')
}

real('the account takes its own taint off its own Node, and can do nothing else to any', async (t) => {
  t.timeout(600_000)
  await using cluster = await RealCluster.start()
  const { ofA, ofB, unbound } = await install(cluster)
  const dry = patching(cluster, { dryRun: 'All' })
  await inForce(t, dry, ofA)
  // The server itself has added one, by which a Node isn't ready.
  const { client } = cluster.server
  const { body: made } = await client.get('/api/v1/nodes/node-a')
  const kept = (made.spec.taints as readonly { readonly key: string }[]).filter(
    ({ key }) => key !== startupTaint,
  )
  t.true(kept.length > 1)
  const free = { spec: { taints: kept } }
  t.deepEqual(await dry(ofA, 'node-a', free), { status: 200, why: '' })
  const rows: readonly (readonly [
    claim: string,
    token: string,
    node: string,
    body: object,
    path?: string,
  ])[] = [
    ["another node's taint", ofA, 'node-b', free],
    ['a token that names no node, as all before Kubernetes 1.32', unbound, 'node-a', free],
    ['a taint of others', ofA, 'node-a', { spec: { taints: kept.slice(1) } }],
    ['all taints', ofA, 'node-a', { spec: { taints: null } }],
    ['a taint more', ofA, 'node-a', { spec: { taints: [...kept, { key: 'x', effect: 'NoExecute' }] } }],
    [
      'a taint of theirs made another',
      ofA,
      'node-a',
      { spec: { taints: kept.map((one) => ({ ...one, effect: 'PreferNoSchedule' })) } },
    ],
    ['cordoning', ofA, 'node-a', { spec: { unschedulable: true, taints: kept } }],
    ['another provider', ofA, 'node-a', { spec: { providerID: 'aws:///x', taints: kept } }],
    ['a label', ofA, 'node-a', { metadata: { labels: { role: 'control-plane' } }, ...free }],
    ['a label taken away', ofA, 'node-a', { metadata: { labels: null }, ...free }],
    ['an annotation', ofA, 'node-a', { metadata: { annotations: { x: 'y' } }, ...free }],
    ['a finalizer', ofA, 'node-a', { metadata: { finalizers: ['example.com/x'] }, ...free }],
    ['the status', ofA, 'node-a', { status: { addresses: [] } }, '/status'],
  ]
  for (const [claim, token, node, body, path] of rows) {
    const { status, why } = await dry(token, node, body, path)
    t.true(status === 403 || status === 422, `${claim}: ${status} ${why}`)
    if (path === undefined) t.regex(why, /ValidatingAdmissionPolicy 'portolan-startup-taint'/, claim)
  }
  for (const [method, path] of [
    ['DELETE', '/api/v1/nodes/node-a'],
    ['GET', '/api/v1/nodes/node-a'],
    ['POST', '/api/v1/nodes'],
  ] as const)
    t.is(
      (await client.request(method, path, { token: ofA, ...(method === 'POST' ? { body: {} } : {}) })).status,
      403,
      method,
    )
  const patch = patching(cluster)
  t.deepEqual(await patch(ofA, 'node-a', free), { status: 200, why: '' })
  t.deepEqual(await patch(ofB, 'node-b', free), { status: 200, why: '' })
  const { body } = await client.get('/api/v1/nodes/node-a')
  t.deepEqual(body.spec.taints, kept)
  t.deepEqual(body.metadata.labels, { role: 'worker' })
  // With others the policy has nothing to do.
  const asAdministrator = { body: { metadata: { labels: { role: 'x' } } }, contentType: mergePatch }
  t.is((await client.request('PATCH', '/api/v1/nodes/node-a', asAdministrator)).status, 200)
})
