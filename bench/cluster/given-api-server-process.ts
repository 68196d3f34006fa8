/** A given API server, in place of the embedded one: see ApiServerProcess for what it is asked. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { kubeconfigCredentials } from '@portolan/core/source'
import { NamespaceRelay } from '@portolan/lab'
import { changeScenario } from '../scenarios/change-scenarios.ts'
import { serveCalls } from '../worker-process/serve-calls.ts'
import { ApiRequests } from './api-requests.ts'
import type { ApiServerCalls } from './api-server.ts'
import { GeneratedCluster } from './generated-cluster.ts'
import { GivenCluster, requestsAtOnce } from './given-cluster.ts'
import { type ProbeName, probeObjects, probeServices, probeSlice } from './probe-services.ts'
import { relayedKubeconfig } from './relayed-kubeconfig.ts'

const [kubeconfigPath = '', networkNamespace = ''] = process.argv.slice(2)
const folder = mkdtempSync(join(tmpdir(), 'portolan-bench-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

const credentials = await (await kubeconfigCredentials(kubeconfigPath)).read('routine')
const requests = new ApiRequests(credentials, requestsAtOnce)
const given = new GivenCluster(requests, randomBytes(3).toString('hex'))
let cluster: GeneratedCluster | undefined
let relay: NamespaceRelay | undefined

const calls: ApiServerCalls = {
  async load(spec) {
    if (spec.from !== 'generated') throw new Error('a recorded cluster is not written into another one')
    cluster = new GeneratedCluster(spec.shape)
    await given.fill(cluster.objects())
    await given.fill(probeObjects())
    const { hostname, port, protocol } = credentials.server
    const defaultPort = protocol === 'https:' ? 443 : 80
    relay = await NamespaceRelay.listen(networkNamespace, {
      host: hostname,
      port: Number(port) || defaultPort,
    })
    const kubeconfig = join(folder, 'kubeconfig')
    writeFileSync(kubeconfig, relayedKubeconfig(credentials, relay.port), { mode: 0o600 })
    const probes: [string, string][] = []
    for (const [which, { namespace, name }] of Object.entries(probeServices))
      probes.push([which, await given.clusterIP(namespace, name)])
    return {
      host: '127.0.0.1',
      port: relay.port,
      kubeconfig,
      probes: Object.fromEntries(probes) as Record<ProbeName, string>,
    }
  },
  async prepare(scenario) {
    return (await given.change({ write: changeScenario(scenario).objects?.() ?? [] })).events
  },
  async tidy(scenario) {
    return (await given.change({ remove: changeScenario(scenario).objects?.() ?? [] })).events
  },
  async change(scenario, turn, length) {
    if (cluster === undefined) throw new Error('only a cluster that is there can be changed')
    return given.change(changeScenario(scenario).change(cluster, turn, length))
  },
  write: (change) => given.change(change),
  async pointProbe(which, pod) {
    return given.change({ write: [probeSlice(which, pod)] })
  },
  async release() {
    const left = await given.empty()
    if (left.length === 0) return []
    const what = `${left.length} namespaces named ${given.prefix}* are deleted and empty`
    return [`${what}, but the cluster has not removed them: its controller manager does`]
  },
  churn: unavailable,
  addProbe: unavailable,
  removeProbe: unavailable,
  replay: unavailable,
  cpuMs: unavailable,
}

function unavailable(): Promise<never> {
  return Promise.reject(new Error('this scenario is for the embedded API server'))
}

serveCalls(calls, async () => {
  // Once more, for it may have been interrupted.
  await given.empty()
  await relay?.close()
  requests.close()
})
