import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ApiObject, ApiServer, type ApiServerOptions, type ServedRequest } from '@portolan/api-server'
import type { KubernetesSourceOptions } from '../kubernetes-source.ts'
import { ObservedSource } from './observed-source.ts'

/** For tests: a Service of the namespace `shop`. */
export function service(
  name: string,
  clusterIP = '10.96.0.1',
  labels: Record<string, string> = {},
): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop', labels },
    spec: {
      clusterIP,
      clusterIPs: [clusterIP],
      ipFamilies: ['IPv4'],
      ports: [{ port: 80, protocol: 'TCP' }],
    },
  }
}

export function slice(
  name: string,
  addresses: readonly string[],
  labels: Record<string, string> = {},
): ApiObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace: 'shop', labels: { 'kubernetes.io/service-name': 'web', ...labels } },
    addressType: 'IPv4',
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: '', port: 8080, protocol: 'TCP' }],
  }
}

export const node = (name: string): ApiObject => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name },
  status: { addresses: [{ type: 'InternalIP', address: '192.168.0.1' }] },
})

export const cidr: ApiObject = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'ServiceCIDR',
  metadata: { name: 'kubernetes' },
  spec: { cidrs: ['10.96.0.0/16'] },
}

export interface Scene extends AsyncDisposable {
  readonly server: ApiServer
  readonly observed: ObservedSource
  readonly directory: string
}

/** For tests: a server with a small cluster, and a source that reads it through a kubeconfig. */
export async function scene(
  serverOptions: ApiServerOptions = {},
  sourceOptions: Partial<KubernetesSourceOptions> = {},
  prepare: (server: ApiServer) => void = () => {},
): Promise<Scene> {
  const server = new ApiServer(serverOptions)
  await server.start()
  server.load([
    service('web'),
    service('db', '10.96.0.2'),
    slice('web-1', ['10.0.0.1']),
    node('node-1'),
    node('node-2'),
    cidr,
  ])
  prepare(server)
  const directory = await mkdtemp(join(tmpdir(), 'portolan-source-'))
  const kubeconfig = join(directory, 'config')
  await server.writeKubeconfig(kubeconfig)
  const observed = await ObservedSource.start({ kubeconfig, ...sourceOptions })
  return {
    server,
    observed,
    directory,
    async [Symbol.asyncDispose]() {
      await observed[Symbol.asyncDispose]()
      await server.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Of the requests that were made: first pages of lists of everything. */
export const listRequests = (requests: readonly ServedRequest[]) =>
  requests.filter(
    ({ query }) => !query.has('watch') && query.get('limit') === '500' && !query.has('continue'),
  )
