/** The API server that the tested image reads from: the embedded one, or a real kube-apiserver. */
import { type ApiObject, ApiServer } from '@portolan/api-server'
import { type RawAnswer, RawClient, RealApiServer } from '@portolan/real-api-server'
import type { PodSpec } from './container.ts'

/** A document of what `portolan install --print` prints. */
export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly [member: string]: unknown
}

export interface TestCluster extends AsyncDisposable {
  /** As this process reaches it. */
  readonly url: string
  readonly certificateAuthority: string
  apply(object: ApiObject): Promise<void>
  /** Takes what is installed. @returns the pod that is to be started on `node`, and its account's token */
  install(manifests: readonly Manifest[], node: string): Promise<{ pod: PodSpec; token: string }>
  /** Keys of a Node's taints. */
  taints(node: string): Promise<readonly string[]>
  /** `REASON of KIND` of the Events that it has. */
  events(): Promise<readonly string[]>
}

/** Knows one token, and takes no manifests. */
export async function embeddedCluster(): Promise<TestCluster> {
  const server = new ApiServer({ tokens: ['secret'] })
  await server.start()
  const client = new RawClient(server.url, server.certificateAuthority, 'secret')
  return {
    url: server.url,
    certificateAuthority: server.certificateAuthority ?? '',
    apply: async (object) => {
      server.apply(object)
    },
    install: async (manifests) => ({ pod: podOf(manifests), token: 'secret' }),
    taints: async (node) => taintsOf(await client.get(`/api/v1/nodes/${node}`)),
    events: async () => eventsOf(await client.get(eventsPath)),
    [Symbol.asyncDispose]: async () => {
      client.close()
      await server.stop()
    },
  }
}

/** Takes the manifests, and lets their account do what their role says. */
export async function realCluster(): Promise<TestCluster> {
  const server = await RealApiServer.start()
  const cluster = new RealTestCluster(server)
  await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } })
  return cluster
}

/** Plural names, below the paths of their groups. */
const collections: Readonly<Record<string, string>> = {
  Namespace: 'namespaces',
  Node: 'nodes',
  Service: 'services',
  EndpointSlice: 'endpointslices',
  ServiceCIDR: 'servicecidrs',
  ServiceAccount: 'serviceaccounts',
  ConfigMap: 'configmaps',
  DaemonSet: 'daemonsets',
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
  Pod: 'pods',
  ValidatingAdmissionPolicy: 'validatingadmissionpolicies',
  ValidatingAdmissionPolicyBinding: 'validatingadmissionpolicybindings',
}

class RealTestCluster implements TestCluster {
  readonly #server: RealApiServer

  constructor(server: RealApiServer) {
    this.#server = server
  }

  get url(): string {
    return this.#server.url
  }

  get certificateAuthority(): string {
    return this.#server.certificateAuthority
  }

  async apply(object: ApiObject): Promise<void> {
    await this.#apply(object)
    if (object.kind === 'Node') await this.#apply(object, '/status')
  }

  async install(manifests: readonly Manifest[], node: string) {
    for (const object of manifests) await this.#apply(object)
    const daemonSet = manifests.find(({ kind }) => kind === 'DaemonSet')
    const { namespace = '', name = '' } = daemonSet?.metadata ?? {}
    // As the server has it, with every default; no controller is there to make the pod.
    const { body } = await this.#expect('GET', `/apis/apps/v1/namespaces/${namespace}/daemonsets/${name}`)
    const { metadata, spec } = body.spec.template
    const pods = `/api/v1/namespaces/${namespace}/pods`
    const pod = await this.#expect('POST', pods, {
      metadata: { ...metadata, name: `${name}-x2x4` },
      spec: { ...spec, nodeName: node },
    })
    // As kubelet asks for it: bound to the pod.
    const account = `/api/v1/namespaces/${namespace}/serviceaccounts/${spec.serviceAccountName}/token`
    const { uid } = pod.body.metadata
    const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: `${name}-x2x4`, uid }
    const token = await this.#expect('POST', account, { spec: { expirationSeconds: 3600, boundObjectRef } })
    return { pod: pod.body.spec as PodSpec, token: token.body.status.token as string }
  }

  async taints(node: string): Promise<readonly string[]> {
    return taintsOf(await this.#expect('GET', `/api/v1/nodes/${node}`))
  }

  async events(): Promise<readonly string[]> {
    return eventsOf(await this.#expect('GET', eventsPath))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server[Symbol.asyncDispose]()
  }

  /** Server-side apply, which takes no field that the server doesn't know. */
  #apply(object: ApiObject | Manifest, subresource = ''): Promise<RawAnswer> {
    const { apiVersion = '', kind, metadata } = object
    const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
    const place = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`
    const path = `${group}${place}/${collections[kind]}/${metadata.name}${subresource}`
    return this.#expect('PATCH', path, object, 'application/apply-patch+yaml')
  }

  async #expect(method: string, path: string, body?: object, contentType?: string): Promise<RawAnswer> {
    const query: Record<string, string> =
      method === 'PATCH' ? { fieldManager: 'test', force: 'true', fieldValidation: 'Strict' } : {}
    const { client } = this.#server
    const answer = await client.request(method, path, {
      query,
      ...(body === undefined ? {} : { body }),
      ...(contentType === undefined ? {} : { contentType }),
    })
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.body.message}`)
    return answer
  }
}

function taintsOf({ body }: RawAnswer): readonly string[] {
  return ((body.spec.taints ?? []) as readonly { readonly key: string }[]).map(({ key }) => key)
}

const eventsPath = '/apis/events.k8s.io/v1/events'

function eventsOf({ body }: RawAnswer): readonly string[] {
  const items = body.items as readonly {
    readonly reason: string
    readonly regarding: { readonly kind: string }
  }[]
  return items.map(({ reason, regarding }) => `${reason} of ${regarding.kind}`)
}

function podOf(manifests: readonly Manifest[]): PodSpec {
  const found = manifests.find(({ kind }) => kind === 'DaemonSet') as
    | { readonly spec: { readonly template: { readonly spec: PodSpec } } }
    | undefined
  if (found === undefined) throw new Error('no DaemonSet is printed')
  return found.spec.template.spec
}
