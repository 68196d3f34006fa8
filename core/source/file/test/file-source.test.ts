import { execFile } from 'node:child_process'
import { mkdtemp, open, rename, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import type { ClusterRecord, ObjectProblem, RecordKind } from '../../../cluster/records.ts'
import type { ClusterSink } from '../../cluster-source.ts'
import { parseClusterText, readClusterFile } from '../cluster-file.ts'
import { fileSource } from '../file-source.ts'

const service = (name: string, last: number) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { clusterIP: `10.96.0.${last}`, ports: [{ port: 80 }] },
})
const yaml = (name: string, last: number) =>
  `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec:\n  clusterIP: 10.96.0.${last}\n  ports:\n  - port: 80\n`

/** Writes down what it is told, in order. */
class Recorder implements ClusterSink {
  readonly said: string[] = []
  readonly problems: ObjectProblem[] = []

  set(record: ClusterRecord): void {
    this.said.push(`set ${record.kind} ${record.key}`)
  }

  remove(kind: RecordKind, key: string): void {
    this.said.push(`remove ${kind} ${key}`)
  }

  synced(kind: RecordKind): void {
    this.said.push(`synced ${kind}`)
  }

  problem(problem: ObjectProblem): void {
    this.problems.push(problem)
  }

  /** What was said since the last time. */
  take(): string[] {
    return this.said.splice(0)
  }
}

async function eventually(t: ExecutionContext, claim: string, holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!holds()) {
    if (Date.now() > deadline) return t.fail(claim)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

async function started(t: ExecutionContext, content: string, name = 'cluster.yaml') {
  const directory = await mkdtemp(join(tmpdir(), 'portolan-file-'))
  const path = join(directory, name)
  await writeFile(path, content)
  const infos: object[] = []
  const silent = () => {}
  const logger = {
    debug: silent,
    warn: silent,
    error: silent,
    info: (facts: object) => void infos.push(facts),
  }
  const source = fileSource({ path, logger, settleTime: 10, pollInterval: 200 })
  const sink = new Recorder()
  t.teardown(async () => {
    await source.stop()
    await rm(directory, { recursive: true })
  })
  await source.start(sink)
  return { directory, path, source, sink, infos }
}

/** All at once: a writer that stands still for a moment while it writes in place leaves an empty file to be read. */
async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.next`, text)
  await rename(`${path}.next`, path)
}

const synced = ['synced Node', 'synced ServiceCIDR', 'synced Service', 'synced EndpointSlice']

test('it delivers what the file says, then that it is complete', async (t) => {
  const { sink } = await started(t, `${yaml('a', 1)}---\n${yaml('b', 2)}`)
  t.deepEqual(sink.take(), ['set Service default/a', 'set Service default/b', ...synced])
})

test('a new version is delivered as what it changes', async (t) => {
  const { path, sink } = await started(t, [yaml('a', 1), yaml('b', 2), yaml('c', 3)].join('---\n'))
  sink.take()
  await writeFile(path, [yaml('a', 1), yaml('b', 9), yaml('d', 4)].join('---\n'))
  await eventually(t, 'the new version is read', () => sink.said.length >= 3)
  t.deepEqual(sink.take(), ['remove Service default/c', 'set Service default/b', 'set Service default/d'])
})

test('a version that is renamed into place is read', async (t) => {
  const { directory, path, sink } = await started(t, yaml('a', 1))
  sink.take()
  await writeFile(join(directory, 'next'), yaml('b', 2))
  await rename(join(directory, 'next'), path)
  await eventually(t, 'the renamed version is read', () => sink.said.length >= 2)
  t.deepEqual(sink.take(), ['remove Service default/a', 'set Service default/b'])
})

test("a ConfigMap's link that is turned to another version is read", async (t) => {
  const { directory, path, sink } = await started(t, yaml('a', 1))
  sink.take()
  await writeFile(join(directory, 'v2'), yaml('b', 2))
  await symlink(join(directory, 'v2'), join(directory, 'link'))
  await rename(join(directory, 'link'), path)
  await eventually(t, 'the linked version is read', () => sink.said.length >= 2)
  t.deepEqual(sink.take(), ['remove Service default/a', 'set Service default/b'])
})

test('a version that cannot be read, is empty or is gone is one problem, and the last one stays', async (t) => {
  const { path, sink } = await started(t, yaml('a', 1))
  sink.take()
  const broken: readonly [string, RegExp][] = [
    ['kind: Service\nmetadata: {name: a', /^line 2, column \d+$/],
    ['', /^line 1, column 1$/],
  ]
  for (const [index, [text, field]] of broken.entries()) {
    await replace(path, text)
    await eventually(t, 'the problem is told', () => sink.problems.length > index)
    t.regex(sink.problems[index]!.field, field)
    t.regex(sink.problems[index]!.fix, /the last state stays/)
  }
  await unlink(path)
  await eventually(t, 'the missing file is told', () => sink.problems.length > 2)
  await new Promise((resolve) => setTimeout(resolve, 300))
  t.is(sink.problems.length, 3, 'once')
  t.deepEqual(sink.take(), [])
  await replace(path, yaml('b', 2))
  await eventually(t, 'the corrected file is read', () => sink.said.length >= 2)
  t.deepEqual(sink.take(), ['remove Service default/a', 'set Service default/b'])
})

test('a file in whose place there is a pipe is gone, and waits for nobody who writes', async (t) => {
  const { path, sink } = await started(t, yaml('a', 1))
  sink.take()
  await unlink(path)
  await promisify(execFile)('mkfifo', [path])
  try {
    await eventually(t, 'the pipe is told', () => sink.problems.length > 0)
  } finally {
    // Lets go whoever has opened it after all: no process could end before.
    await (await open(path, 'r+')).close()
  }
  t.regex(sink.problems[0]?.fix ?? '', /the last state stays/)
  await unlink(path)
  await replace(path, yaml('b', 2))
  await eventually(t, 'the file is read again', () => sink.said.length >= 2)
  t.deepEqual(sink.take(), ['remove Service default/a', 'set Service default/b'])
})

test('a directory at the start is refused by its name', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'portolan-file-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const error = await t.throwsAsync<NodeJS.ErrnoException>(readClusterFile(directory), { code: 'EISDIR' })
  t.is(error?.path, directory)
})

test('a file that breaks from the start is waited for: nothing is complete before it can be read', async (t) => {
  const { path, sink } = await started(t, '{"kind": "List", "items": [', 'cluster.json')
  t.deepEqual(sink.take(), [])
  t.is(sink.problems.length, 1)
  await writeFile(path, JSON.stringify(service('a', 1)))
  await eventually(t, 'the corrected file is read', () => sink.said.length >= 5)
  t.deepEqual(sink.take(), ['set Service default/a', ...synced])
})

test('a file that is not there at the start is refused', async (t) => {
  const logger = { info: () => {}, warn: () => {} }
  const source = fileSource({ path: join(tmpdir(), 'portolan-no-such-file.yaml'), logger })
  await t.throwsAsync(source.start(new Recorder()), { code: 'ENOENT' })
  await source.stop()
})

test('other kinds are passed over, and named once', async (t) => {
  const deployment = 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n'
  const { path, sink, infos } = await started(t, `${yaml('a', 1)}---\n${deployment}`)
  t.is(infos.length, 1)
  t.like(infos[0], { kinds: ['Deployment'] })
  sink.take()
  await writeFile(path, `${yaml('b', 1)}---\n${deployment}`)
  await eventually(t, 'the new version is read', () => sink.said.length >= 2)
  t.is(infos.length, 1)
  t.is(sink.problems.length, 0)
})

interface TextRow {
  readonly claim: string
  readonly text: string
  readonly path?: string
  readonly records: readonly string[]
  readonly problems?: readonly string[]
}

const textRows: readonly TextRow[] = [
  {
    claim: 'a List holds objects',
    text: JSON.stringify({ kind: 'List', items: [service('a', 1), service('b', 2)] }),
    records: ['Service default/a', 'Service default/b'],
  },
  {
    claim: 'items of a ServiceList need not say their kind',
    text: JSON.stringify({ kind: 'ServiceList', items: [{ ...service('a', 1), kind: undefined }] }),
    records: ['Service default/a'],
  },
  {
    claim: 'an array of objects is taken too',
    text: JSON.stringify([service('a', 1)]),
    records: ['Service default/a'],
  },
  {
    claim: 'YAML in flow style is YAML, though it begins like JSON',
    text: '{kind: List, items: []}',
    records: [],
  },
  {
    claim: 'empty documents mean nothing',
    text: `---\n---\n${yaml('a', 1)}---\n`,
    records: ['Service default/a'],
  },
  {
    claim: 'a Service of another API group is another kind',
    text: JSON.stringify({ ...service('a', 1), apiVersion: 'serving.example.dev/v1' }),
    records: [],
  },
  {
    claim: 'a broken object is told, and the others stay',
    text: JSON.stringify({
      kind: 'List',
      items: [{ kind: 'Service', metadata: { name: 'x' } }, service('b', 2)],
    }),
    records: ['Service default/b'],
    problems: ['spec'],
  },
  {
    claim: 'of two objects of one name the later one counts, and is told',
    text: JSON.stringify([service('a', 1), service('a', 2)]),
    records: ['Service default/a'],
    problems: ['metadata.name'],
  },
  {
    claim: 'what has no kind is told',
    text: `${yaml('a', 1)}---\n- 1\n- 2\n`,
    records: ['Service default/a'],
    problems: ['kind'],
  },
  { claim: 'a list of nothing is a cluster without Services', text: 'kind: List\nitems: []\n', records: [] },
  { claim: 'so is one in JSON', text: '[]', records: [] },
  { claim: 'and one after a comment', text: '# none\n[]\n', records: [] },
  {
    claim: 'objects may stand in a list',
    text: '[{kind: ServiceCIDR, metadata: {name: a}, spec: {cidrs: [10.96.0.0/12]}}]\n',
    records: ['ServiceCIDR a'],
  },
  {
    claim: 'aliases work',
    text: 'kind: List\nitems:\n- &a {kind: ServiceCIDR, metadata: {name: a}, spec: {cidrs: [10.96.0.0/12]}}\n- *a\n',
    records: ['ServiceCIDR a'],
    problems: ['metadata.name'],
  },
]

for (const { claim, text, path = 'cluster.yaml', records, problems = [] } of textRows) {
  test(claim, async (t) => {
    const file = await parseClusterText(text, path)
    t.deepEqual([...file.records.keys()], [...records])
    t.deepEqual(
      file.problems.map(({ field }) => field),
      [...problems],
    )
  })
}

const unreadable: readonly { claim: string; text: string; path: string; line: number }[] = [
  { claim: 'JSON with a mistake', text: '{\n "kind": "List",\n "items": [}\n', path: 'c.json', line: 3 },
  {
    claim: 'JSON that is cut in the middle',
    text: '{\n "kind": "List",\n "items": [',
    path: 'c.json',
    line: 3,
  },
  {
    claim: 'YAML that is cut in the middle',
    text: 'kind: Service\nmetadata:\n  name: "a',
    path: 'c.yaml',
    line: 3,
  },
  { claim: 'YAML with a tab', text: 'kind: Service\nmetadata:\n\tname: a\n', path: 'c.yaml', line: 3 },
  { claim: 'an HTML page', text: '<html>\n<body>: <p>no: yes: no</p>\n', path: 'c.yaml', line: 1 },
  { claim: 'zeros, as a crash leaves them,', text: '\0'.repeat(4096), path: 'c.yaml', line: 1 },
  { claim: 'a comment, and nothing after it,', text: '# The cluster.\n---\n', path: 'c.yaml', line: 1 },
  { claim: 'a comment alone', text: '# The cluster.\n', path: 'c.yaml', line: 1 },
  { claim: 'a file of something else', text: 'name: value\n', path: 'c.yaml', line: 1 },
  { claim: 'JSON of something else', text: '{"name": "value"}', path: 'c.json', line: 1 },
  { claim: 'keys that are mappings', text: '? '.repeat(3000), path: 'c.yaml', line: 1 },
  {
    claim: 'a bomb of aliases',
    text: `a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefghi'].map((name, index) => `${name}: &${name} [${`*${'abcdefgh'[index]},`.repeat(9)}]`).join('\n')}\n`,
    path: 'c.yaml',
    line: 1,
  },
]

for (const { claim, text, path, line } of unreadable) {
  test(`${claim} is refused with its place`, async (t) => {
    const error = await t.throwsAsync(parseClusterText(text, path), { code: 'CLUSTER_FILE_UNREADABLE' })
    t.like(error, { line })
    t.false(error!.message.includes('\n'))
    t.log(error!.message)
  })
}

test('a file that is too large to be read is told', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'portolan-file-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const path = join(directory, 'cluster.yaml')
  await writeFile(path, '')
  // Without a byte on the disk.
  await truncate(path, 3 * 2 ** 30)
  await t.throwsAsync(readClusterFile(path), {
    code: 'CLUSTER_FILE_UNREADABLE',
    message: /cluster\.yaml, line 1, column 1: the file is too large/,
  })
})
