import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RealApiServer } from '@portolan/real-api-server'
import { WorkerProcess } from '../worker-process/worker-process.ts'

/** An API server that can be made to fail as a whole. */
export interface OutageServer extends AsyncDisposable {
  readonly url: string
  readonly kubeconfig: string
  /** Creates a Service without endpoints in the namespace `shop`. */
  createService(name: string): Promise<void>
  /** Without a word to clients. */
  kill(): Promise<void>
  /** Resolves when it answers. */
  start(): Promise<void>
  freeze(): void
  thaw(): void
  /** Keeps the state of this moment for {@link restore}. */
  backUp(): Promise<void>
  /** Kills it and starts it with the older state. Resolves when it answers. */
  restore(): Promise<void>
}

export interface EmbeddedCalls {
  start(): Promise<void>
  stop(): Promise<void>
  /** Resolves with its URL. */
  writeKubeconfig(path: string): Promise<string>
  createService(name: string, clusterIP: string): Promise<void>
  backUp(): Promise<void>
  restore(): Promise<void>
}

/** The embedded API server in a process of its own. */
export async function startEmbedded(): Promise<OutageServer> {
  const worker = new WorkerProcess<EmbeddedCalls>({
    module: new URL('./embedded-process.ts', import.meta.url),
  })
  const kubeconfig = join(tmpdir(), `portolan-outage-${process.pid}`)
  await worker.call('start')
  const url = await worker.call('writeKubeconfig', kubeconfig)
  let services = 0
  return {
    url,
    kubeconfig,
    createService: (name) => worker.call('createService', name, `10.96.1.${++services}`),
    kill: () => worker.call('stop'),
    start: () => worker.call('start'),
    freeze: () => process.kill(worker.pid, 'SIGSTOP'),
    thaw: () => process.kill(worker.pid, 'SIGCONT'),
    backUp: () => worker.call('backUp'),
    restore: () => worker.call('restore'),
    async [Symbol.asyncDispose]() {
      await worker.end()
      await rm(kubeconfig, { force: true })
    },
  }
}

/** A real kube-apiserver with its etcd. @param etcd `debian`: Debian's, which is an old one */
export async function startReal(etcd: 'own' | 'debian'): Promise<OutageServer> {
  const server = await RealApiServer.start({ etcd })
  const kubeconfig = join(server.folder, 'kubeconfig')
  await server.writeKubeconfig(kubeconfig)
  const create = async (path: string, body: object) => {
    const { status, body: answer } = await server.client.request('POST', path, { body })
    if (status !== 201) throw new Error(`POST ${path}: ${status} ${JSON.stringify(answer)}`)
  }
  await create('/api/v1/namespaces', { metadata: { name: 'shop' } })
  let backup = await server.backUp()
  return {
    url: server.url,
    kubeconfig,
    createService: (name) =>
      create('/api/v1/namespaces/shop/services', { metadata: { name }, spec: { ports: [{ port: 80 }] } }),
    kill: () => server.kill(),
    start: () => server.start(),
    freeze: () => server.freeze(),
    thaw: () => server.thaw(),
    async backUp() {
      backup = await server.backUp()
    },
    restore: () => server.restore(backup),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}
