import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import type { metrics } from '../../metrics.ts'
import type { BenchResults } from '../../results.ts'
import type { Grid } from '../../run/grid.ts'
import { runBench } from '../../run/run-bench.ts'
import { ExternalProxy } from '../external-proxy.ts'

const portolan = fileURLToPath(new URL('../../../core/cli/portolan.js', import.meta.url))
const place = ['--kubeconfig={kubeconfig}', '--node={node}', '--cluster-cidr={clusterCidr}']

// One of them, endpoint-replaced, only our own process can tell of.
const scenarios = [
  'cold-start',
  'endpoint-replaced',
  'first-packet',
  'first-packet-quiet',
  'first-packet-added',
  'connect',
  'first-packet-churn',
]

// Outputs of programs that fail stay for their user.
test.after.always(async () => {
  const { outputFile } = new ExternalProxy({ name: '', program: '', args: [], readyTimeoutMs: 0 })
  await rm(dirname(outputFile), { recursive: true })
})

async function bench(
  external: NonNullable<Grid['externals']>[number],
): Promise<BenchResults & { told: string[] }> {
  const told: string[] = []
  const results = await runBench({
    grid: {
      services: [10],
      endpoints: [2],
      dataplanes: [],
      scenarios,
      repeat: 1,
      effort: 'quick',
      externals: [external],
    },
    command: '',
    version: '',
    progress: {
      begin() {},
      step() {},
      failed: (what, scenario, error) => told.push(`${what}: ${scenario}: ${(error as Error).message}`),
      warned() {},
      end() {},
    },
    signal: new AbortController().signal,
  })
  return { ...results, told }
}

test.serial('another program is measured by every scenario that sees it from outside', async (t) => {
  t.timeout(300_000)
  const { results, dataplanes, told } = await bench({
    name: 'stranger',
    program: process.execPath,
    args: [portolan, 'run', ...place],
    readyTimeoutMs: 60_000,
  })
  t.deepEqual(told, [])
  t.deepEqual(dataplanes, [{ name: 'stranger', kind: 'external', usable: true, reason: '' }])
  const measured = new Set(results.map(({ scenario }) => scenario))
  t.deepEqual(
    [...measured],
    scenarios.filter((name) => name !== 'endpoint-replaced'),
  )
  const figure = (scenario: string, metric: keyof typeof metrics) =>
    results.find((one) => one.scenario === scenario && one.metric === metric)
  for (const [scenario, metric] of [
    ['cold-start', 'startToProgrammed'],
    ['cold-start', 'cpu'],
    ['cold-start', 'rssPeak'],
    ['first-packet', 'eventToFirstPacket'],
    ['first-packet', 'connectionsTried'],
    ['first-packet', 'cpuPerChange'],
    ['first-packet-quiet', 'eventToFirstPacket'],
    ['first-packet-added', 'eventToFirstPacket'],
    ['first-packet-churn', 'eventToFirstPacket'],
    ['connect', 'connectLast'],
  ] as const) {
    t.true((figure(scenario, metric)?.p50 ?? -1) > 0, `${scenario} ${metric}`)
  }
  const [tried = 0, lost] = (['connectionsTried', 'connectionsLost'] as const).map(
    (metric) => figure('first-packet', metric)?.max,
  )
  t.is(lost, 0, `${lost} of ${tried}`)
  // Of a stranger nothing is known from inside.
  t.is(
    results.find(({ metric }) => metric === 'eventToCommit' || metric === 'heap'),
    undefined,
  )
})

async function script(t: ExecutionContext, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pl-external-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const path = join(folder, 'program')
  await writeFile(path, `#!/bin/sh\n${text}\n`)
  await chmod(path, 0o755)
  return path
}

// Only the one that never ends is waited for.
for (const [claim, text, readyTimeoutMs, says] of [
  [
    'ends at once',
    'echo "cannot find my config"; exit 7',
    60_000,
    /ended with exit code 7; .*cannot find my config/s,
  ],
  ['ends later', 'sleep 1; echo gone; exit 1', 60_000, /ended with exit code 1; .*gone/s],
  [
    'never makes a Service work',
    'echo thinking; exec sleep 300',
    3000,
    /no connection to 10\.95\.0\.1 port 80 reached .* in 3 s; its output is in .*thinking/s,
  ],
] as const) {
  test.serial(`a program that ${claim} is told, and has no figures`, async (t) => {
    const program = await script(t, text)
    const { results, told } = await bench({ name: 'acme', program, args: [], readyTimeoutMs })
    t.is(told.length, 1)
    t.regex(told[0]!, /^acme, 10 x 2: cold-start: acme \(/)
    t.regex(told[0]!, says)
    t.deepEqual(results, [])
  })
}

for (const [claim, program, says] of [
  ['is not there', '/no/such/program', /is not there: name a program by its path/],
  ['is a folder', tmpdir(), /is no file/],
  ['may not be run', fileURLToPath(import.meta.url), /can't be run \(EACCES\): chmod \+x it/],
] as const) {
  test.serial(`a program that ${claim} is listed with the reason`, async (t) => {
    const { dataplanes } = await bench({ name: 'acme', program, args: [], readyTimeoutMs: 1000 })
    t.like(dataplanes[0], { name: 'acme', kind: 'external', usable: false })
    t.regex(dataplanes[0]!.reason, says)
  })
}
