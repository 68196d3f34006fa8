import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import type { BenchResults } from '../../results.ts'
import { createBenchCommand } from '../command.ts'

interface Row {
  readonly claim: string
  readonly args: readonly string[]
  readonly message: RegExp
}

const quick = ['--services', '10', '--scenario', 'core']
const rows: readonly Row[] = [
  {
    claim: 'a dataplane that is mistyped',
    args: [...quick, '--dataplane', 'nftables,nftable'],
    message: /dataplane 'nftable' is not installed/,
  },
  {
    claim: 'an option that a dataplane does not have',
    args: [...quick, '--dataplane', 'nftables?transport=pigeon'],
    message: /transport: "pigeon"/,
  },
  {
    claim: 'a program that is not there',
    args: [...quick, '--external', './no-such-proxy'],
    message: /no-such-proxy is not there/,
  },
  {
    claim: 'a program of the same name as a dataplane',
    args: [...quick, '--external', './nftables'],
    message: /--external: 'nftables' is measured already/,
  },
  {
    claim: 'a program of the same name as a dataplane that was named',
    args: [...quick, '--dataplane', 'ebpf', '--external', './proxy', '--external-name', 'ebpf'],
    message: /--external: 'ebpf' is measured already/,
  },
  {
    claim: 'two programs of the same name',
    args: [...quick, '--external', './proxy', '--external', './other/proxy'],
    message: /--external: 'proxy' is measured already/,
  },
  {
    claim: 'arguments of another program before it',
    args: [...quick, '--external-args', '-v', '--external', './proxy'],
    message: /--external-args.*name it before, with --external/s,
  },
  {
    claim: 'a folder for the figures that is not there',
    args: [...quick, '--json', 'no/such/folder/results.json'],
    message: /can't write no\/such\/folder\/results\.json: there is no folder/,
  },
  {
    claim: 'a page that would take the place of a folder',
    args: [...quick, '--report', tmpdir()],
    message: /can't write .*: it is a folder/,
  },
]
for (const { claim, args, message } of rows) {
  test(`is told before anything is measured: ${claim}`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'portolan-bench-'))
    t.teardown(() => rm(folder, { recursive: true }))
    const elsewhere = ['--json', join(folder, 'results.json'), '--report', join(folder, 'report.html')]
    const command = createBenchCommand('0.0.0')
    await t.throwsAsync(command.parseAsync([...elsewhere, ...args], { from: 'user' }), { message })
  })
}

test('a dataplane that is named twice is measured once', (t) => {
  const command = createBenchCommand('0.0.0')
  command.parseOptions(['--dataplane', 'nftables,ebpf,nftables', '--dataplane', 'ebpf'])
  t.deepEqual(command.opts().dataplane, ['nftables', 'ebpf'])
})

const portolan = fileURLToPath(new URL('../../../core/cli/portolan.js', import.meta.url))

test('the core alone is measured without any right to make a network namespace', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-bench-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const json = join(folder, 'results.json')
  const bench = [portolan, 'bench', ...quick, '--json', json, '--report', join(folder, 'report.html')]
  const nothing = ['--bounding-set', '-all', '--inh-caps', '-all', '--no-new-privs']
  await promisify(execFile)('setpriv', [...nothing, process.execPath, ...bench])
  const { results, dataplanes } = JSON.parse(await readFile(json, 'utf8')) as BenchResults
  t.true(results.some(({ metric }) => metric === 'tableBuild'))
  t.deepEqual(dataplanes, [])
})
