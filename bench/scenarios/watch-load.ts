import { type AnswerForms, kubeconfigCredentials } from '@portolan/core/source'
import { type ApiServerProcess, openApiServer, startApiServer } from '../cluster/api-server.ts'
import { Watcher } from '../core-only/watcher.ts'
import { cpuOf } from '../measure/api-server-cost.ts'
import type { CoreFixture, CoreScenario } from './core-scenario.ts'

const watchers = { quick: 8, thorough: 32 }
const changes = { quick: 200, thorough: 1000 }
const changesPerSecond = 100
/** The last event is still on its way so long after its write. */
const deliveryMs = 200

/** A few nodes for real, so that docs/benchmarks.md can reckon what 5,000 would cost. */
export const watchLoad: CoreScenario = {
  kind: 'core',
  name: 'watch-load',
  meaning: 'What one node more costs the API server, to list and for each event, in protobuf and in JSON.',
  async play(fixture) {
    const { shape, apiServer, warn } = fixture
    const server = apiServer === undefined ? startApiServer() : openApiServer(apiServer)
    try {
      const { kubeconfig } = await server.call('load', { from: 'generated', shape })
      for (const form of ['protobuf', 'json'] as const) await measure(form, server, kubeconfig, fixture)
      for (const left of await server.call('release')) warn(left)
    } finally {
      await server.end()
    }
  },
}

async function measure(
  form: AnswerForms,
  server: ApiServerProcess,
  kubeconfig: string,
  { effort, record }: CoreFixture,
): Promise<void> {
  const seconds = changes[effort] / changesPerSecond
  const count = watchers[effort]
  let events = 0
  const churn = async () => {
    events = (await server.call('churn', changesPerSecond, seconds)).length
    await new Promise((resolve) => setTimeout(resolve, deliveryMs))
  }
  const credentials = await (await kubeconfigCredentials(kubeconfig)).read('routine')
  const alone = await cpuOf(server, churn)
  if (alone === undefined)
    throw new Error(
      "the API server doesn't tell its CPU time: let the kubeconfig's user get the path /metrics (nonResourceURLs)",
    )
  const nodes: Watcher[] = []
  try {
    const listCpu = await cpuOf(server, async () => {
      for (let node = 0; node < count; node++) nodes.push(new Watcher(credentials, form))
      await Promise.all(nodes.map(({ listed }) => listed))
    })
    const listBytes = nodes.map(({ bytes }) => bytes)
    const eventCpu = ((await cpuOf(server, churn)) ?? alone) - alone
    const eventBytes = nodes.map(({ bytes }, index) => (bytes - (listBytes[index] ?? 0)) / events)
    const [listCpuName, listBytesName, eventCpuName, eventBytesName] = metricsOf[form]
    record('watch-load', listCpuName, (listCpu ?? 0) / count)
    record('watch-load', listBytesName, listBytes)
    record('watch-load', eventCpuName, (eventCpu * 1000) / events / count)
    record('watch-load', eventBytesName, eventBytes)
  } finally {
    for (const node of nodes) node.close()
  }
}

const metricsOf = {
  protobuf: ['listCpuPerNode', 'listBytesPerNode', 'eventCpuPerNode', 'eventBytesPerNode'],
  json: ['listCpuPerNodeJson', 'listBytesPerNodeJson', 'eventCpuPerNodeJson', 'eventBytesPerNodeJson'],
} as const
