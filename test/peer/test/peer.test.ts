import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findProgram, realApiServerTest } from '@portolan/real-api-server'
import test from 'ava'

const program = fileURLToPath(new URL('../cli.ts', import.meta.url))
const real = realApiServerTest(test)
const kubeProxy = findProgram('kube-proxy')
const title = 'kube-proxy itself is measured beside ours, on the same cluster'

if ('failed' in kubeProxy) test('kube-proxy is compiled', (t) => t.fail(kubeProxy.failed))
if ('unavailable' in kubeProxy) real.skip(title, kubeProxy.unavailable)
else
  real(title, async (t) => {
    t.timeout(1_100_000)
    const folder = await mkdtemp(join(tmpdir(), 'portolan-peer-'))
    t.teardown(() => rm(folder, { recursive: true }))
    const [json, report] = [join(folder, 'results.json'), join(folder, 'report.html')]
    const size = ['--services', '5', '--endpoints', '2', '--modes', 'nftables', '--dataplane', 'nftables']
    const child = spawn(
      process.execPath,
      [program, ...size, '--scenario', 'cold-start,watch-load', '--json', json, '--report', report],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text
      })
    const [code] = await once(child, 'close')
    t.is(code, 0, said)
    const { results } = JSON.parse(await readFile(json, 'utf8')) as {
      readonly results: readonly {
        readonly dataplane: string
        readonly metric: string
        readonly p50: number
      }[]
    }
    const figures: readonly [string, string][] = [
      ...['nftables', 'kube-proxy-nftables'].flatMap((dataplane): [string, string][] => [
        [dataplane, 'startToProgrammed'],
        [dataplane, 'apiServerBytes'],
      ]),
      ['core', 'listBytesPerNode'],
    ]
    for (const [dataplane, metric] of figures) {
      const found = results.find((one) => one.dataplane === dataplane && one.metric === metric)
      t.true((found?.p50 ?? 0) > 0, `${dataplane}, ${metric}: ${said}`)
    }
  })
