/** The embedded API server as a process of its own: see `EmbeddedCalls`. */
import { ApiServer, type Checkpoint } from '@portolan/api-server'
import { serveCalls } from '../worker-process/serve-calls.ts'
import type { EmbeddedCalls } from './outage-server.ts'

const server = new ApiServer()
let backup: Checkpoint | undefined

const calls: EmbeddedCalls = {
  async start() {
    // A server that was started again has no history of what was before.
    server.compact()
    await server.start()
  },
  stop: () => server.stop(),
  async writeKubeconfig(path) {
    await server.writeKubeconfig(path)
    return server.url
  },
  async createService(name, clusterIP) {
    server.apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'shop' },
      spec: {
        clusterIP,
        clusterIPs: [clusterIP],
        ipFamilies: ['IPv4'],
        ports: [{ port: 80, protocol: 'TCP' }],
      },
    })
  },
  async backUp() {
    backup = server.checkpoint()
  },
  async restore() {
    if (backup === undefined) throw new Error('there is no backup')
    await server.stop()
    server.restore(backup)
    await server.start()
  },
}

serveCalls(calls, () => server.stop())
