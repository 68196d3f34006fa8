import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RealApiServer, realApiServerTest } from '@portolan/real-api-server'
import test, { type ExecutionContext } from 'ava'
import { watchLoad } from '../watch-load.ts'

/** Plays it in small, and looks at what must be so on every server. */
async function play(t: ExecutionContext, apiServer?: string): Promise<void> {
  const figures = new Map<string, readonly number[]>()
  const warnings: string[] = []
  await watchLoad.play({
    shape: { services: 20, endpointsPerService: 10 },
    effort: 'quick',
    record: (_, metric, values) => figures.set(metric, typeof values === 'number' ? [values] : values),
    warn: (text) => warnings.push(text),
    ...(apiServer === undefined ? {} : { apiServer }),
  })
  const least = (metric: string) => Math.min(...(figures.get(metric) ?? [0]))
  for (const what of ['listBytesPerNode', 'eventBytesPerNode']) {
    t.true(least(what) > 0, what)
    t.true(least(`${what}Json`) > 1.3 * least(what), `${what}: protobuf is the smaller form`)
  }
  // A difference of two looks: with so few events it may come out below nothing.
  for (const what of ['listCpuPerNode', 'eventCpuPerNode', 'listCpuPerNodeJson', 'eventCpuPerNodeJson'])
    t.true(figures.has(what) && Number.isFinite(least(what)), what)
}

test('what nodes cost the embedded API server is measured in both forms', async (t) => {
  t.timeout(600_000)
  await play(t)
})

realApiServerTest(test)('what nodes cost it is measured in both forms', async (t) => {
  t.timeout(600_000)
  await using server = await RealApiServer.start()
  const folder = await mkdtemp(join(tmpdir(), 'portolan-watch-load-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const kubeconfig = join(folder, 'kubeconfig')
  await server.writeKubeconfig(kubeconfig)
  await play(t, kubeconfig)
})
