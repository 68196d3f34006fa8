/** A given API server, in place of the embedded one: see ApiServerProcess for what it is asked. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { kubeconfigCredentials } from '@portolan/core/source'
import { NamespaceRelay } from '@portolan/lab'
import { monotonic } from '../measure/clock.ts'
import { changeScenario } from '../scenarios/change-scenarios.ts'
import { endpointChurned } from '../scenarios/endpoint-replaced.ts'
import { serveCalls } from '../worker-process/serve-calls.ts'
import { ApiRequests, RequestError } from './api-requests.ts'
import type { ApiServerAddress, ApiServerCalls } from './api-server.ts'
import { GeneratedCluster } from './generated-cluster.ts'
import { GivenCluster, requestsAtOnce } from './given-cluster.ts'
import { type ProbeName, probeObjects, probeServices, probeSlice } from './probe-services.ts'
import { relayedKubeconfig } from './relayed-kubeconfig.ts'

const [kubeconfigPath = ''] = process.argv.slice(2)
const folder = mkdtempSync(join(tmpdir(), 'portolan-bench-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

const credentials = await (await kubeconfigCredentials(kubeconfigPath)).read('routine')
const requests = new ApiRequests(credentials, requestsAtOnce)
const given = new GivenCluster(requests, randomBytes(3).toString('hex'))
let cluster: GeneratedCluster | undefined
let relay: NamespaceRelay | undefined
/** Turns of churn so far: the next one goes on from there. */
let churned = 0

const calls: ApiServerCalls = {
  async load(spec, networkNamespace) {
    if (spec.from !== 'generated') throw new Error('a recorded cluster is not written into another one')
    if (cluster === undefined) {
      cluster = new GeneratedCluster(spec.shape)
      await given.fill(cluster.objects())
    }
    await given.fill(probeObjects())
    const probes: [string, string][] = []
    for (const [which, { namespace, name }] of Object.entries(probeServices))
      probes.push([which, await given.clusterIP(namespace, name)])
    return {
      ...(await addressFrom(networkNamespace)),
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
  async churn(perSecond, seconds) {
    if (cluster === undefined) throw new Error('only a cluster that is there can be changed')
    const sent: number[] = []
    const begun = monotonic()
    for (let turn = 0; turn < perSecond * seconds; turn++) {
      await sleep(Math.max(0, begun + (turn * 1000) / perSecond - monotonic()))
      sent.push((await given.change(endpointChurned(cluster, churned++))).sentAt)
    }
    return sent
  },
  addProbe: unavailable,
  removeProbe: unavailable,
  replay: unavailable,
  async cost() {
    const seconds = await cpuSeconds()
    return {
      ...(seconds === undefined ? {} : { cpuMs: seconds * 1000 }),
      ...(relay === undefined ? {} : { sentBytes: relay.sentBytes }),
    }
  },
}

/** By the server's own metrics; `undefined` where this user may not read them. */
async function cpuSeconds(): Promise<number | undefined> {
  try {
    const said = /^process_cpu_seconds_total (\S+)$/m.exec(await requests.text('/metrics'))?.[1]
    return said === undefined ? undefined : Number(said)
  } catch (error) {
    if (error instanceof RequestError) return undefined
    throw error
  }
}

/** Where a node finds it. There is one way to it at a time. */
async function addressFrom(networkNamespace: string | undefined): Promise<Omit<ApiServerAddress, 'probes'>> {
  await relay?.close()
  relay = undefined
  const { hostname, port, protocol } = credentials.server
  const target = { host: hostname, port: Number(port) || (protocol === 'https:' ? 443 : 80) }
  if (networkNamespace === undefined) return { ...target, kubeconfig: kubeconfigPath }
  relay = await NamespaceRelay.listen(networkNamespace, target)
  const kubeconfig = join(folder, 'kubeconfig')
  writeFileSync(kubeconfig, relayedKubeconfig(credentials, relay.port), { mode: 0o600 })
  return { host: '127.0.0.1', port: relay.port, kubeconfig }
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
