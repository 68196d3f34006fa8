import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { type ApiObject, ApiServer } from '@portolan/api-server'
import test, { type ExecutionContext } from 'ava'
import { parseAllDocuments } from 'yaml'

const program = fileURLToPath(new URL('../portolan.js', import.meta.url))
const sample = fileURLToPath(new URL('../../../docs/sample-cluster.yaml', import.meta.url))

async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'pl-record-'))
  t.teardown(() => rm(path, { recursive: true }))
  return path
}

interface Running {
  readonly child: ChildProcess
  readonly output: () => string
  readonly ended: Promise<{ readonly code: number | null; readonly output: string }>
}

function start(t: ExecutionContext, ...args: readonly string[]): Running {
  const { KUBERNETES_SERVICE_HOST: _, ...env } = process.env
  const child = spawn(process.execPath, [program, ...args], { env })
  t.teardown(() => child.kill('SIGKILL'))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, output }))
  return { child, output: () => output, ended }
}

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const end = performance.now() + 120_000; performance.now() < end; ) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`waited in vain for ${what}`)
}

async function lines(path: string): Promise<Record<string, unknown>[]> {
  const text = gunzipSync(await readFile(path), { finishFlush: 2 }).toString()
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))
}

/** What a recorder has written, which may end in the middle of anything. */
async function textSoFar(path: string): Promise<string> {
  try {
    return gunzipSync(await readFile(path), { finishFlush: 2 }).toString()
  } catch {
    return ''
  }
}

/** The sample cluster behind a real API server, and a kubeconfig that leads there. */
async function liveCluster(t: ExecutionContext, directory: string) {
  const server = new ApiServer({ tokens: ['secret'] })
  await server.start()
  t.teardown(() => server.stop())
  for (const document of parseAllDocuments(await readFile(sample, 'utf8'))) {
    server.apply(document.toJS() as ApiObject)
  }
  const kubeconfig = join(directory, 'kubeconfig')
  await server.writeKubeconfig(kubeconfig, { token: 'secret' })
  return { server, kubeconfig }
}

const addedService = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'added', namespace: 'shop' },
  spec: { clusterIP: '10.96.1.1', ports: [{ port: 80 }] },
}

test.serial('a live cluster is recorded with its changes until Ctrl-C, with all of its Nodes', async (t) => {
  const directory = await folder(t)
  const { server, kubeconfig } = await liveCluster(t, directory)
  const file = join(directory, 'cluster.rec')
  const { child, ended } = start(t, 'record', '--kubeconfig', kubeconfig, '-o', file)
  const holds = async (field: string) => (await textSoFar(file)).includes(`"${field}":`)
  await until(() => holds('complete'), 'the lists')
  server.apply(addedService)
  server.remove('Service', 'shop', 'added')
  await until(() => holds('remove'), 'the change')
  child.kill('SIGINT')
  const { code, output } = await ended
  t.is(code, 0, output)
  t.regex(
    output,
    /6 Services, \d+ endpoints, 3 Nodes, 2 events, \d+ bytes; names and addresses are pseudonyms/,
  )
  const recorded = await lines(file)
  t.like(recorded.at(-3), { set: { kind: 'Service' } })
  t.like(recorded.at(-2), { remove: 'Service' })
  t.like(recorded.at(-1), { end: true })
  t.is((await stat(file)).mode & 0o777, 0o600)
})

test.serial('the time is over after --minutes, and the recording plans as the cluster did', async (t) => {
  const directory = await folder(t)
  const file = join(directory, 'cluster.rec')
  const args = ['record', '--source', `file:${sample}`, '--plain', '--minutes', '0.01', '-o', file]
  const { code, output } = await start(t, ...args).ended
  t.is(code, 0, output)
  const plan = async (source: string) =>
    (await start(t, 'plan', '--node', 'node-a', '--source', source).ended).output
  // The program alone: what is said about it comes in between, as it happens.
  const program = (text: string) => text.replaceAll(/^portolan: .*\n/gm, '')
  const planned = program(await plan(`recording:${file}`))
  t.true(planned.length > 1000)
  t.is(planned, program(await plan(`file:${sample}`)))
})

test.serial('the names of an anonymous recording are those to choose a node by', async (t) => {
  const directory = await folder(t)
  const file = join(directory, 'cluster.rec')
  const { output } = await start(t, 'record', '--source', `file:${sample}`, '--minutes', '0.01', '-o', file)
    .ended
  const node = /node with most endpoints: (\S+)/.exec(output)?.[1] ?? ''
  const planned = await start(t, 'plan', '--source', `recording:${file}`, '--node', node).ended
  t.is(planned.code, 0, planned.output)
  t.notRegex(planned.output, /shop|10\.96\.0\.10\b/)
})

test.serial('a recorder that is killed leaves a file that can be read', async (t) => {
  const directory = await folder(t)
  const file = join(directory, 'cluster.rec')
  const { child, ended } = start(t, 'record', '--source', `file:${sample}`, '-o', file)
  await until(async () => (await textSoFar(file)).includes('"complete":'), 'the lists')
  child.kill('SIGKILL')
  await ended
  const planned = await start(t, 'plan', '--source', `recording:${file}`, '--node', 'nobody').ended
  t.regex(planned.output, /--node takes one of node-/)
})

const mistakes: readonly { claim: string; args: (file: string) => string[]; code: number; says: RegExp }[] = [
  {
    claim: 'no cluster is named',
    args: (file) => ['-o', file],
    code: 2,
    says: /give --kubeconfig FILE/,
  },
  {
    claim: 'the time is none',
    args: (file) => ['--source', `file:${sample}`, '--minutes', 'ten', '-o', file],
    code: 2,
    says: /--minutes 'ten': not a time/,
  },
  {
    claim: 'the folder is not there',
    args: (file) => ['--source', `file:${sample}`, '-o', `${file}/no/such.rec`],
    code: 1,
    says: /can't write .*fix: name a file in a folder/s,
  },
  {
    claim: 'the source is not there',
    args: (file) => ['--source', `file:${file}.missing`, '-o', file],
    code: 1,
    says: /can't read .*missing/,
  },
]

for (const { claim, args, code, says } of mistakes) {
  test.serial(`told, and no file is left: ${claim}`, async (t) => {
    const directory = await folder(t)
    const outcome = await start(t, 'record', ...args(join(directory, 'cluster.rec'))).ended
    t.is(outcome.code, code)
    t.regex(outcome.output, says)
    t.notRegex(outcome.output, /\n\s+at /)
    t.deepEqual(await readdir(directory), [])
  })
}

test.serial('a file that is there is left as it is', async (t) => {
  const file = join(await folder(t), 'cluster.rec')
  await writeFile(file, 'mine')
  const { code, output } = await start(t, 'record', '--source', `file:${sample}`, '-o', file).ended
  t.is(code, 1)
  t.regex(output, /is there already/)
  t.is(await readFile(file, 'utf8'), 'mine')
})

test.serial('stopped before there was a list: nothing is left, and that is a failure', async (t) => {
  const directory = await folder(t)
  const { server, kubeconfig } = await liveCluster(t, directory)
  server.break('EndpointSlice', { kind: 'hang' })
  const file = join(directory, 'cluster.rec')
  const { child, ended } = start(t, 'record', '--kubeconfig', kubeconfig, '-o', file)
  await until(() => server.watchCount('ServiceCIDR') > 0, 'the watches')
  child.kill('SIGTERM')
  const { code, output } = await ended
  t.is(code, 1)
  t.regex(output, /stopped before the lists were complete, so nothing was recorded/)
  t.false((await readdir(directory)).includes('cluster.rec'))
})
