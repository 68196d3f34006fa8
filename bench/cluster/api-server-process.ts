/** The embedded API server as a process of its own: see ApiServerProcess for what it is asked. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApiServer } from '@portolan/api-server'
import { monotonic } from '../measure/clock.ts'
import { RecordedCluster } from '../recording/recorded-cluster.ts'
import { replay } from '../recording/replay.ts'
import { changeScenario } from '../scenarios/change-scenarios.ts'
import { endpointChurned } from '../scenarios/endpoint-replaced.ts'
import { serveCalls } from '../worker-process/serve-calls.ts'
import type { ApiServerCalls, Written } from './api-server.ts'
import { type ClusterChange, writeChange } from './cluster-change.ts'
import { type ClusterSpec, openCluster } from './cluster-spec.ts'
import { GeneratedCluster } from './generated-cluster.ts'
import { addedProbeObjects, nodeObject, probeAddresses, probeObjects, probeSlice } from './probe-services.ts'

const token = 'bench'
const folder = mkdtempSync(join(tmpdir(), 'portolan-bench-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
const server = new ApiServer({ tokens: [token], historyLimit: 200_000 })
let cluster: GeneratedCluster | RecordedCluster | undefined
/** Turns of churn so far: the next one goes on from there. */
let churned = 0

const calls: ApiServerCalls = {
  async load(spec: ClusterSpec) {
    await server.start()
    cluster = await openCluster(spec)
    server.load(cluster.objects())
    server.load(probeObjects())
    server.apply(nodeObject(cluster.zone))
    // As in a pod: a service account's folder, and the server's address in the environment. And a kubeconfig, for
    // programs that want one.
    writeFileSync(join(folder, 'token'), token)
    writeFileSync(join(folder, 'ca.crt'), server.certificateAuthority ?? '')
    const kubeconfig = join(folder, 'kubeconfig')
    await server.writeKubeconfig(kubeconfig, { token })
    const { hostname, port } = new URL(server.url)
    return {
      host: hostname,
      port: Number(port),
      serviceAccountDirectory: folder,
      kubeconfig,
      probes: probeAddresses,
    }
  },
  async prepare(scenario) {
    return write({ write: changeScenario(scenario).objects?.() ?? [] }).events
  },
  async tidy(scenario) {
    return write({ remove: changeScenario(scenario).objects?.() ?? [] }).events
  },
  async change(scenario, turn, length) {
    return write(changeScenario(scenario).change(opened(), turn, length))
  },
  async write(change) {
    return write(change)
  },
  async pointProbe(which, pod) {
    return write({ write: [probeSlice(which, pod)] })
  },
  async churn(perSecond, seconds) {
    const total = perSecond * seconds
    const sent: number[] = []
    const begun = monotonic()
    while (sent.length < total) {
      const due = Math.min(total, Math.floor(((monotonic() - begun) * perSecond) / 1000) + 1)
      while (sent.length < due) sent.push(write(endpointChurned(opened(), churned++)).sentAt)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    return sent
  },
  async addProbe(number) {
    return write({ write: addedProbeObjects(number) })
  },
  async removeProbe(number) {
    return write({ remove: addedProbeObjects(number) })
  },
  async replay(speed) {
    if (!(cluster instanceof RecordedCluster)) throw new Error('only a recorded cluster can be replayed')
    return await replay(cluster, speed, write)
  },
  async release() {
    return []
  },
  async cost() {
    const { user, system } = process.cpuUsage()
    return { cpuMs: (user + system) / 1000 }
  },
}

function opened(): GeneratedCluster {
  if (!(cluster instanceof GeneratedCluster))
    throw new Error('only a generated cluster can be changed, and only once there is one')
  return cluster
}

function write(change: ClusterChange): Written {
  return writeChange(server, change)
}

serveCalls(calls, () => server.stop())
