import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { ApiServer } from '@portolan/api-server'
import test, { type ExecutionContext } from 'ava'
import { GeneratedCluster, sliceObject } from '../../cluster/generated-cluster.ts'
import type { BenchResults } from '../../results.ts'

const portolan = fileURLToPath(new URL('../../../core/cli/portolan.js', import.meta.url))
const run = promisify(execFile)

async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'pl-recording-'))
  t.teardown(() => rm(path, { recursive: true }))
  return path
}

test.serial('a cluster that was recorded is measured with its own changes', async (t) => {
  t.timeout(600_000)
  const directory = await folder(t)
  const file = join(directory, 'cluster.rec')
  const kubeconfig = join(directory, 'kubeconfig')
  const cluster = new GeneratedCluster({ services: 30, endpointsPerService: 4 })
  await using server = new ApiServer({ tokens: ['secret'] })
  await server.start()
  server.load(cluster.objects())
  await server.writeKubeconfig(kubeconfig)
  let turn = 0
  const changing = setInterval(() => {
    server.apply(sliceObject(cluster.scattered(turn), 0, new Set([1]), 1 + (turn++ % 7)))
  }, 20)
  await run(process.execPath, [
    portolan,
    'record',
    '--kubeconfig',
    kubeconfig,
    '--minutes',
    '0.05',
    '-o',
    file,
  ])
  clearInterval(changing)

  const results = join(directory, 'results.json')
  await run(
    process.execPath,
    [
      portolan,
      'bench',
      ...['--recording', file, '--recording-speed', '2', '--dataplane', 'nftables'],
      ...['--scenario', 'cold-start,replay,warm-restart'],
      ...['--json', results, '--report', join(directory, 'report.html')],
    ],
    // Ended before the test is: it clears up after itself.
    { timeout: 480_000 },
  )
  const bench = JSON.parse(await readFile(results, 'utf8')) as BenchResults
  t.regex(bench.command, /--recording .* --recording-speed 2$/)
  const figure = (scenario: string, metric: string) =>
    bench.results.find((one) => one.scenario === scenario && one.metric === metric)
  t.like(figure('cold-start', 'startToProgrammed'), { services: 30, endpointsPerService: 4 })
  const latency = figure('replay', 'eventToCommit')
  // How many applies the changes come to, and how many a second, the machine has a say in.
  t.true((latency?.samples ?? 0) > 0)
  t.true((latency?.p50 ?? 0) > 0)
  t.true((figure('replay', 'cpuPerChange')?.p50 ?? -1) >= 0)
  const [tried = 0, lost] = (['connectionsTried', 'connectionsLost'] as const).map(
    (metric) => figure('replay', metric)?.max,
  )
  t.is(lost, 0, `${lost} of ${tried}`)
  t.true((figure('replay', 'changesPerSecond')?.p50 ?? 0) > 0)
  t.truthy(figure('warm-restart', 'startToProgrammed'))
})

for (const [claim, args, says] of [
  ['a recording that is not there', ['--recording', '/no/such.rec'], /can't read \/no\/such\.rec/],
  ['a replay without a recording', ['--scenario', 'replay'], /name it with --recording/],
  ['a size for a recording', ['--recording', 'a', '--services', '5'], /has its own size/],
  ['a change that is not its own', ['--recording', 'a', '--scenario', 'churn-20'], /not 'churn-20'/],
  ['arguments for no program', ['--external-args', '--a'], /name it before, with --external/],
  ['an unknown place', ['--external', 'a', '--external-args', '{host}'], /nothing is called \{host\}/],
] as const) {
  test.serial(`told: ${claim}`, async (t) => {
    const directory = await folder(t)
    const error = (await t.throwsAsync(
      run(process.execPath, [portolan, 'bench', ...args], { cwd: directory }),
    )) as Error & { readonly stderr: string }
    t.regex(error.stderr, says)
    t.notRegex(error.stderr, /\n\s+at /)
  })
}
