import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ApiObject, resourceKind } from '@portolan/api-server'
import { type RawAnswer, RealApiServer, type RealApiServerOptions } from '@portolan/real-api-server'
import type { KubernetesSourceOptions } from '../kubernetes-source.ts'
import { ObservedSource } from './observed-source.ts'

export const slices = '/apis/discovery.k8s.io/v1/endpointslices'
export const services = '/api/v1/services'

/** A machine that tests other things meanwhile takes its time. */
export const generousMs = 60_000

/** For tests: a real API server with a namespace `shop`, and sources that read it. */
export class RealCluster implements AsyncDisposable {
  readonly server: RealApiServer
  readonly folder: string

  private constructor(server: RealApiServer, folder: string) {
    this.server = server
    this.folder = folder
  }

  static async start(options: RealApiServerOptions = {}): Promise<RealCluster> {
    const server = await RealApiServer.start(options)
    const cluster = new RealCluster(server, await mkdtemp(join(tmpdir(), 'portolan-source-')))
    await cluster.create('/api/v1/namespaces', { metadata: { name: 'shop' } })
    return cluster
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]()
    await rm(this.folder, { recursive: true, force: true })
  }

  /** A source that is an administrator, or the user that `options` say. */
  async source(options: Partial<KubernetesSourceOptions> = {}): Promise<ObservedSource> {
    const kubeconfig = join(this.folder, 'kubeconfig')
    await this.server.writeKubeconfig(kubeconfig)
    // On a busy machine a server is slow to answer, and that is not what most tests are about.
    const timings = { heartbeatIntervalMs: generousMs, ...options.timings }
    return ObservedSource.start({ kubeconfig, ...options, timings })
  }

  /** @throws when the server doesn't accept it */
  create(path: string, body: object): Promise<RawAnswer> {
    return this.#expect('POST', path, body)
  }

  createObject(object: ApiObject): Promise<RawAnswer> {
    return this.create(collection(object), object)
  }

  /** Server-side apply: creates it, or makes it what is written here. */
  apply(object: ApiObject): Promise<RawAnswer> {
    const { apiVersion } = resourceKind(object.kind)
    return this.#expect('PATCH', pathOf(object), { apiVersion, ...object }, 'application/apply-patch+yaml')
  }

  remove(object: ApiObject): Promise<RawAnswer> {
    return this.#expect('DELETE', pathOf(object))
  }

  /** What a plain list says of what a source delivers: a line for each Service and EndpointSlice, sorted. */
  async listed(): Promise<string[]> {
    const { client } = this.server
    const [allServices, allSlices] = await Promise.all([
      client.get(services),
      client.get(slices, { labelSelector: '!service.kubernetes.io/headless' }),
    ])
    return [
      ...allServices.body.items
        // biome-ignore lint/suspicious/noExplicitAny: JSON of an API server
        .filter(({ spec }: any) => spec.type !== 'ExternalName' && spec.clusterIP !== 'None')
        // biome-ignore lint/suspicious/noExplicitAny: JSON of an API server
        .map(({ metadata, spec }: any) =>
          serviceLine(`${metadata.namespace}/${metadata.name}`, spec.clusterIPs, spec.ports),
        ),
      // biome-ignore lint/suspicious/noExplicitAny: JSON of an API server
      ...allSlices.body.items.map(({ metadata, endpoints, ports }: any) =>
        sliceLine(
          `${metadata.namespace}/${metadata.name}`,
          // biome-ignore lint/suspicious/noExplicitAny: JSON of an API server
          (endpoints ?? []).map((endpoint: any) => endpoint.addresses[0]),
          ports ?? [],
        ),
      ),
    ].sort()
  }

  /** Waits until a source has delivered exactly what a plain list says. */
  async converged(observed: ObservedSource, limitMs = generousMs): Promise<void> {
    const wanted = (await this.listed()).join('\n')
    await observed.until((o) => delivered(o).join('\n') === wanted, limitMs)
  }

  async #expect(method: string, path: string, body?: object, contentType?: string): Promise<RawAnswer> {
    const query: Record<string, string> = method === 'PATCH' ? { fieldManager: 'test', force: 'true' } : {}
    const answer = await this.server.client.request(method, path, {
      query,
      ...(body === undefined ? {} : { body }),
      ...(contentType === undefined ? {} : { contentType }),
    })
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.body.message}`)
    return answer
  }
}

/** What a source has delivered, in the words of {@link RealCluster.listed}. */
export function delivered(observed: ObservedSource): string[] {
  return [...observed.records.values()]
    .flatMap((record) => {
      if (record.kind === 'Service') return [serviceLine(record.key, record.clusterIPs, record.ports)]
      if (record.kind !== 'EndpointSlice') return []
      const addresses = record.endpoints.map(({ address }) => address)
      return [sliceLine(record.key, addresses, record.ports)]
    })
    .sort()
}

interface Port {
  readonly name?: string
  readonly protocol: string
  readonly port: number
  readonly nodePort?: number
}

function serviceLine(key: string, clusterIPs: readonly string[], ports: readonly Port[]): string {
  return `Service ${key} ${clusterIPs.join()} ${ports.map(portText).join()}`
}

function sliceLine(key: string, addresses: readonly string[], ports: readonly Port[]): string {
  return `EndpointSlice ${key} ${addresses.join()} ${ports.map(portText).join()}`
}

function portText({ name = '', protocol, port, nodePort = 0 }: Port): string {
  return `${name}:${port}/${protocol}:${nodePort}`
}

function collection({ kind, metadata }: ApiObject): string {
  const { prefix, plural, namespaced } = resourceKind(kind)
  return namespaced ? `${prefix}/namespaces/${metadata.namespace ?? 'shop'}/${plural}` : `${prefix}/${plural}`
}

export function pathOf(object: ApiObject): string {
  return `${collection(object)}/${object.metadata.name}`
}

export function service(name: string, spec: object = {}): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop' },
    spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }], ...spec },
  }
}

export function slice(name: string, addresses: readonly string[], rest: object = {}): ApiObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace: 'shop', labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    ...rest,
  }
}

/** Runs a step for each item, so many at a time. */
export async function inParallel<Item>(
  items: readonly Item[],
  width: number,
  step: (item: Item) => Promise<unknown>,
): Promise<void> {
  const queue = items[Symbol.iterator]()
  const work = async () => {
    for (const item of queue) await step(item)
  }
  await Promise.all(Array.from({ length: width }, work))
}
