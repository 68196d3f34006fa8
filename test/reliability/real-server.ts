import { type ApiObject, type Kind, resourceKind } from '@portolan/api-server'
import { administrator, RealApiServer } from '@portolan/real-api-server'
import type { FaultyServer } from './faulty-server.ts'

/** Objects are written as kubectl does: server-side, whether they are there or not. */
const apply = { contentType: 'application/apply-patch+yaml', query: { fieldManager: 'test', force: 'true' } }

/** A real kube-apiserver with its etcd, in a process of its own. */
export async function startRealServer(): Promise<FaultyServer> {
  const server = await RealApiServer.start()
  const pathOf = (kind: string, namespace: string | undefined, name: string) => {
    const { prefix, plural, namespaced } = resourceKind(kind)
    return `${prefix}/${namespaced ? `namespaces/${namespace ?? 'default'}/` : ''}${plural}/${name}`
  }
  const ask = async (method: string, path: string, request: object = {}, gone = method === 'DELETE') => {
    const { status, body } = await server.client.request(method, path, request)
    if (status >= 300 && !(gone && status === 404))
      throw new Error(`${method} ${path}: ${status} ${JSON.stringify(body)}`)
    return status
  }
  /** Server-side apply knows one address of a type only, so what the kubelet writes is put. */
  const putNode = async (node: ApiObject, path: string) => {
    const status = await ask('PUT', path, { body: node }, true)
    if (status === 404) await ask('POST', path.slice(0, path.lastIndexOf('/')), { body: node })
    await ask('PUT', `${path}/status`, { body: node })
  }
  await ask('POST', '/api/v1/namespaces', { body: { metadata: { name: 'shop' } } })
  let backup = await server.backUp()
  return {
    name: 'kube-apiserver',
    port: server.port,
    certificateAuthority: server.certificateAuthority,
    token: administrator,
    async apply(objects: readonly ApiObject[]) {
      for (const object of objects) {
        const { kind, metadata } = object
        const path = pathOf(kind, metadata.namespace, metadata.name)
        if (kind === 'Node') await putNode(object, path)
        else await ask('PATCH', path, { ...apply, body: object })
      }
    },
    async remove(kind: Kind, namespace, name) {
      await ask('DELETE', pathOf(kind, namespace, name))
    },
    kill: () => server.kill(),
    start: () => server.start(),
    freeze: () => server.freeze(),
    thaw: () => server.thaw(),
    async compact() {
      await server.compact()
      // Its watch cache goes back further than etcd, until it begins anew.
      await server.kill()
      await server.start()
    },
    async backUp() {
      backup = await server.backUp()
    },
    restore: () => server.restore(backup),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}
