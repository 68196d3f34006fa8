/** The watch client of a node in a process of its own: tells when each Service came and went. See `NodeCalls`. */
import { kubernetesSource } from '@portolan/core/source'
import { monotonic } from '../measure/clock.ts'
import { report, serveCalls } from '../worker-process/serve-calls.ts'
import type { NodeCalls, ServiceNews } from './outage-node.ts'

const quiet = { debug() {}, info() {}, warn() {}, error() {} }
let stop = async () => {}

const calls: NodeCalls = {
  async watch(kubeconfig) {
    const source = kubernetesSource({ kubeconfig, nodeName: 'node-a', logger: quiet })
    stop = () => source.stop()
    const synced = Promise.withResolvers<void>()
    const missing = new Set(['Service', 'EndpointSlice', 'Node', 'ServiceCIDR'])
    const tell = (news: ServiceNews) => report(news)
    await source.start({
      set: (record) => {
        if (record.kind === 'Service') tell({ service: record.key, there: true, at: monotonic() })
      },
      remove: (kind, key) => {
        if (kind === 'Service') tell({ service: key, there: false, at: monotonic() })
      },
      synced: (kind) => {
        missing.delete(kind)
        if (missing.size === 0) synced.resolve()
      },
      problem: () => {},
    })
    await synced.promise
  },
}

serveCalls(calls, () => stop())
