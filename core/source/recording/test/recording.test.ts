import { createWriteStream } from 'node:fs'
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip, gunzipSync, gzipSync } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { type ClusterRecord, type RecordKind, recordKinds } from '../../../cluster/records.ts'
import { exampleEndpoint, exampleService, exampleSlice } from '../../../table/builder/test/example-records.ts'
import { anonymousRecords } from '../anonymous-records.ts'
import { type RecordingEntry, readRecording } from '../read-recording.ts'
import { recordObject } from '../record-object.ts'
import { plainRecords } from '../record-rewriter.ts'
import { Recorder } from '../recorder.ts'
import { RecordingFile } from '../recording-file.ts'
import { anyRecord } from './example-arbitraries.ts'

type Event =
  | { readonly set: ClusterRecord; readonly at: number }
  | { readonly remove: RecordKind; readonly key: string; readonly at: number }

async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'pl-recording-'))
  t.teardown(() => rm(path, { recursive: true }))
  return path
}

/** Records a start and events, whose times are milliseconds after it; returns the file. */
async function recorded(
  path: string,
  start: readonly ClusterRecord[],
  events: readonly Event[],
  records = plainRecords,
): Promise<Recorder> {
  const file = await RecordingFile.create(path)
  const recorder = new Recorder({ output: file, records, names: 'plain' })
  for (const record of start) recorder.set(record, 0)
  for (const kind of recordKinds) recorder.synced(kind)
  const begun = performance.now()
  await recorder.complete
  for (const event of events) {
    if ('set' in event) recorder.set(event.set, begun + event.at)
    else recorder.remove(event.remove, event.key, begun + event.at)
  }
  recorder.end()
  await file.close()
  return recorder
}

async function entries(path: string): Promise<RecordingEntry[]> {
  const read: RecordingEntry[] = []
  for await (const entry of readRecording(path)) read.push(entry)
  return read
}

const web = exampleService({ key: 'shop/web' })
const slice = (...addresses: readonly string[]) =>
  exampleSlice(
    addresses.map((address) => exampleEndpoint(address)),
    { key: 'shop/web-1', serviceKey: 'shop/web' },
  )
const node = { kind: 'Node', key: 'node-a', zone: '', addresses: [], podCidrs: [] } as const

test('what was recorded is read: the start, and every event in its order with its time', async (t) => {
  const path = join(await folder(t), 'cluster.rec')
  await recorded(
    path,
    [web, slice('10.1.0.1', '10.1.0.2'), node],
    [
      { set: slice('10.1.0.1', '10.1.0.3'), at: 1000 },
      { set: { ...web, externalTrafficPolicy: 'Local' }, at: 2000 },
      { remove: 'EndpointSlice', key: 'shop/web-1', at: 2500 },
    ],
  )
  const read = await entries(path)
  t.like(read[0], { is: 'header', header: { names: 'plain' } })
  t.deepEqual(
    read
      .slice(1)
      .map((entry) => ('at' in entry ? { ...entry, at: Math.round(entry.at * 2) / 2 } : entry))
      .slice(0, -1),
    [
      { is: 'start', record: slice('10.1.0.1', '10.1.0.2') },
      { is: 'start', record: node },
      { is: 'start', record: web },
      { is: 'complete' },
      { is: 'set', at: 1, record: slice('10.1.0.1', '10.1.0.3') },
      { is: 'set', at: 2, record: { ...web, externalTrafficPolicy: 'Local' } },
      { is: 'remove', at: 2.5, kind: 'EndpointSlice', key: 'shop/web-1' },
    ],
  )
  t.is(read.at(-1)?.is, 'end')
})

test('whatever happens to a cluster is read as it was', async (t) => {
  const directory = await folder(t)
  let run = 0
  // Few names, so that events concern what there is.
  const step = fc.oneof(
    anyRecord.map((record): Event => ({ set: record, at: 0 })),
    anyRecord.map((record): Event => ({ remove: record.kind, key: record.key, at: 0 })),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyRecord, { maxLength: 10 }),
      fc.array(step, { maxLength: 20 }),
      async (start, steps) => {
        const path = join(directory, `${run++}.rec`)
        const again = start.map((record): Event => ({ set: { ...record }, at: 0 }))
        await recorded(path, start, [...again, ...steps])
        const expected = stateAfter(start, [...again, ...steps])
        t.deepEqual(stateOf(await entries(path)), expected)
      },
    ),
    { numRuns: 50 },
  )
})

function stateAfter(start: readonly ClusterRecord[], events: readonly Event[]): Map<string, ClusterRecord> {
  const state = new Map(start.map((record) => [`${record.kind} ${record.key}`, record]))
  for (const event of events) {
    if ('set' in event) state.set(`${event.set.kind} ${event.set.key}`, event.set)
    else state.delete(`${event.remove} ${event.key}`)
  }
  return sorted(state)
}

function stateOf(read: readonly RecordingEntry[]): Map<string, ClusterRecord> {
  const state = new Map<string, ClusterRecord>()
  for (const entry of read) {
    if (entry.is === 'start' || entry.is === 'set')
      state.set(`${entry.record.kind} ${entry.record.key}`, entry.record)
    else if (entry.is === 'remove') state.delete(`${entry.kind} ${entry.key}`)
  }
  return sorted(state)
}

function sorted(state: Map<string, ClusterRecord>): Map<string, ClusterRecord> {
  return new Map([...state].sort(([a], [b]) => (a < b ? -1 : 1)))
}

test('an anonymous recording holds none of the names and addresses, and everything in it still fits together', async (t) => {
  const path = join(await folder(t), 'cluster.rec')
  const secret = {
    ...exampleService({ key: 'payments/ledger' }),
    ports: [{ name: 'acme', protocol: 'TCP' as const, port: 443, nodePort: 30_443 }],
  }
  const of = exampleSlice([exampleEndpoint('10.7.8.9', { nodeName: 'rack-17', zoneHints: ['attic'] })], {
    key: 'payments/ledger-x7',
    serviceKey: 'payments/ledger',
    ports: [{ name: 'acme', protocol: 'TCP', port: 8443 }],
  })
  const rack = { ...node, key: 'rack-17', zone: 'attic' }
  await recorded(path, [secret, of, rack], [{ set: of, at: 5 }], anonymousRecords())
  const text = gunzipSync(await readFile(path)).toString()
  for (const word of ['payments', 'ledger', 'acme', 'rack', 'attic', '10.7.8.9', '10.96.0.1']) {
    t.false(text.includes(word), word)
  }
  const read = stateOf(await entries(path))
  const [[, slices], [, rackRead], [, service]] = [...read] as unknown as [
    [string, typeof of],
    [string, typeof rack],
    [string, typeof secret],
  ]
  t.is(slices.serviceKey, service.key)
  t.is(slices.ports[0]?.name, service.ports[0]?.name)
  t.is(slices.endpoints[0]?.nodeName, rackRead.key)
  t.is(slices.endpoints[0]?.zoneHints[0], rackRead.zone)
  t.is(service.ports[0]?.nodePort, 30_443)
})

test("the start isn't in the order of the real names", async (t) => {
  const path = join(await folder(t), 'cluster.rec')
  const keys = Array.from({ length: 50 }, (_, index) => `shop/web-${String(index).padStart(2, '0')}`)
  const records = anonymousRecords()
  await recorded(
    path,
    keys.map((key) => exampleService({ key })),
    [],
    records,
  )
  const read = (await entries(path)).flatMap((entry) => (entry.is === 'start' ? [entry.record.key] : []))
  const inTheirOrder = keys.map((key) => records.rewriteKey('Service', key))
  t.notDeepEqual(read, inTheirOrder)
  t.deepEqual(read, inTheirOrder.toSorted())
})

test("a Node's heartbeat is no event; an EndpointSlice that is written again is one", async (t) => {
  const path = join(await folder(t), 'cluster.rec')
  const one = slice('10.1.0.1')
  const recorder = await recorded(
    path,
    [node, one],
    [
      { set: { ...node }, at: 1 },
      { set: { ...one }, at: 2 },
    ],
  )
  t.is(recorder.counts.events, 1)
  t.deepEqual((await entries(path)).filter(({ is }) => is === 'set').length, 1)
})

test('what comes while the start is being written is recorded after it', async (t) => {
  const path = join(await folder(t), 'cluster.rec')
  const file = await RecordingFile.create(path)
  const recorder = new Recorder({ output: file, records: plainRecords, names: 'plain' })
  for (let index = 0; index < 2000; index++) recorder.set(exampleService({ key: `shop/web-${index}` }), 0)
  for (const kind of recordKinds) recorder.synced(kind)
  recorder.remove('Service', 'shop/web-7', performance.now())
  await recorder.complete
  recorder.end()
  await file.close()
  const read = await entries(path)
  t.is(read.filter(({ is }) => is === 'start').length, 2000)
  t.like(read.at(-2), { is: 'remove', key: 'shop/web-7' })
})

test('the counts are those of the cluster as it is', async (t) => {
  const path = join(await folder(t), 'cluster.rec')
  const { counts, nodeLoads } = await recorded(
    path,
    [web, node, slice('10.1.0.1')],
    [
      { set: slice('10.1.0.1', '10.1.0.2', '10.1.0.3'), at: 1 },
      { remove: 'Service', key: 'shop/web', at: 2 },
    ],
  )
  t.deepEqual(counts, { services: 0, slices: 1, endpoints: 3, nodes: 1, events: 2, problems: 0 })
  t.deepEqual(nodeLoads[0], { node: 'other', endpoints: 3 })
})

test('a recording is for its owner only, and never takes the place of a file', async (t) => {
  const path = join(await folder(t), 'cluster.rec')
  await recorded(path, [web], [])
  t.is((await stat(path)).mode & 0o777, 0o600)
  await t.throwsAsync(RecordingFile.create(path), { code: 'EEXIST' })
})

test('a file that is cut off anywhere is read up to there, or refused where its start is not whole', async (t) => {
  const path = join(await folder(t), 'cluster.rec')
  const file = await RecordingFile.create(path)
  const recorder = new Recorder({ output: file, records: anonymousRecords(), names: 'pseudonyms' })
  recorder.set(web, 0)
  for (const kind of recordKinds) recorder.synced(kind)
  await recorder.complete
  const events = 30
  for (let event = 0; event < events; event++) {
    recorder.set(slice(`10.1.0.${event + 1}`), performance.now())
    // As it is flushed every few seconds.
    if (event % 10 === 9) file.flush()
  }
  recorder.end()
  await file.close()
  const whole = (await stat(path)).size
  let most = 0
  for (let size = whole - 1; size > 0; size -= 7) {
    await truncate(path, size)
    try {
      const read = await entries(path)
      const end = read.at(-1)
      const played = read.filter(({ is }) => is === 'set').length
      t.is(end?.is, 'end')
      most = Math.max(most, played)
      if (played < events)
        t.regex(String(end?.is === 'end' && end.torn), /is read up to [\d.]+ s only: it was cut off/)
    } catch (error) {
      t.like(error, { code: 'RECORDING_UNREADABLE' })
      t.true(size < whole / 2, `${size} of ${whole} bytes should do for the start`)
    }
  }
  t.is(most, events)
})

test('a line that is no JSON is damage, and what was before it is read', async (t) => {
  const path = join(await folder(t), 'cluster.rec')
  await writeFile(path, gzipSync([...started, edit({}), '{"at":1', edit({ at: 2 })].join('\n').concat('\n')))
  const read = await entries(path)
  t.deepEqual(
    read.map(({ is }) => is),
    ['header', 'start', 'complete', 'set', 'end'],
  )
  t.like(read.at(-1), { at: 1 })
})

test('a file that is damaged in the middle is read up to there', async (t) => {
  const path = join(await folder(t), 'cluster.rec')
  const many = Array.from(
    { length: 3000 },
    (_, index): Event => ({ set: slice(`10.1.${index >> 8}.${index & 255}`), at: index }),
  )
  await recorded(path, [web], many, anonymousRecords())
  const bytes = await readFile(path)
  bytes.fill(0xff, bytes.length - 2000, bytes.length - 1000)
  await writeFile(path, bytes)
  const end = (await entries(path)).at(-1)
  t.regex(String(end?.is === 'end' && end.torn), /it is damaged there/)
})

const header = '{"portolan":"recording","version":1,"names":"plain","date":"2026-01-31"}'
const complete = '{"complete":true}'
const oneSlice = JSON.stringify({ set: recordObject(slice('10.1.0.1')) })
const edit = (fields: object) =>
  JSON.stringify({ at: 1, edit: 'shop/web-1', from: 0, drop: 0, put: [], ...fields })
const started = [header, oneSlice, complete]

const refused: readonly { claim: string; lines: readonly string[]; says: RegExp }[] = [
  { claim: 'text that is something else', lines: ['kind: Service'], says: /line 1 must be a JSON object/ },
  { claim: 'JSON of something else', lines: ['{"kind":"Service"}'], says: /is no recording/ },
  { claim: 'nothing', lines: [], says: /is no recording/ },
  {
    claim: 'a later version',
    lines: ['{"portolan":"recording","version":2}'],
    says: /has version 2, and this Portolan reads version 1/,
  },
  {
    claim: 'a start that never ends',
    lines: [header, oneSlice],
    says: /ends in line 2, before its start is complete/,
  },
  {
    claim: 'an event before the start is complete',
    lines: [header, edit({})],
    says: /line 2 must come after/,
  },
  {
    claim: 'an object of another kind',
    lines: [header, '{"set":{"kind":"Secret"}}'],
    says: /line 2 must set one of/,
  },
  { claim: 'a line of another kind', lines: [...started, '{"at":1,"do":"this"}'], says: /line 4 is none/ },
  {
    claim: 'a start with a line that is no JSON',
    lines: [header, '{"set"', complete],
    says: /line 2 must be a JSON/,
  },
  { claim: 'a time that goes back', lines: [...started, edit({ at: 2 }), edit({})], says: /not before 2: 1/ },
  { claim: 'a time that never comes', lines: [...started, edit({ at: 1e9 })], says: /a time in seconds/ },
  { claim: 'no time', lines: [...started, edit({ at: null })], says: /a time in seconds/ },
  {
    claim: 'an edit of nothing',
    lines: [...started, edit({ edit: 'a/b' })],
    says: /an EndpointSlice that there is/,
  },
  {
    claim: 'an edit past the end',
    lines: [...started, edit({ from: 2 })],
    says: /say "from" where to edit: 2/,
  },
  {
    claim: 'an edit that drops too much',
    lines: [...started, edit({ drop: 2 })],
    says: /"drop" what there is: 2/,
  },
  { claim: 'an edit that puts no list', lines: [...started, edit({ put: {} })], says: /"put" a list/ },
  {
    claim: 'a slice that grows without end',
    lines: [...started, edit({ put: Array.from({ length: 10_001 }, () => ({ addresses: ['10.1.0.1'] })) })],
    says: /at most 10000 endpoints/,
  },
  {
    claim: 'a removal of something else',
    lines: [...started, '{"at":1,"remove":"Pod","key":"a"}'],
    says: /remove one of/,
  },
  {
    claim: 'a line without end',
    lines: [header, `{"set":"${'x'.repeat(5 << 20)}"}`],
    says: /line 2 is longer than 4 MiB/,
  },
]

for (const { claim, lines, says } of refused) {
  test(`refused: ${claim}`, async (t) => {
    const path = join(await folder(t), 'hostile.rec')
    await writeFile(path, gzipSync(lines.map((line) => `${line}\n`).join('')))
    const error = await t.throwsAsync(entries(path), { code: 'RECORDING_UNREADABLE' })
    t.regex(error!.message, says)
    t.false(error!.message.includes('\n'))
    t.true(error!.message.length < path.length + 300)
  })
}

test('refused: a file that is not packed by gzip, and one that is not there', async (t) => {
  const path = join(await folder(t), 'cluster.yaml')
  await writeFile(path, 'kind: Service\n')
  t.regex((await t.throwsAsync(entries(path)))!.message, /is not packed by gzip/)
  await t.throwsAsync(entries(`${path}.missing`), { code: 'ENOENT' })
})

// Alone: what other tests take meanwhile is no part of it.
test.serial('a bomb is refused before it fills the memory', async (t) => {
  const path = join(await folder(t), 'bomb.rec')
  // 512 MiB of one line, in 512 KiB.
  await pipeline(
    Array.from({ length: 512 }, () => mebibyte),
    createGzip(),
    createWriteStream(path),
  )
  const before = process.memoryUsage().rss
  t.regex((await t.throwsAsync(entries(path)))!.message, /line 1 is longer than 4 MiB/)
  const grown = process.memoryUsage().rss - before
  t.true(grown < 256 << 20, `${grown >> 20} MiB more`)
})

const mebibyte = Buffer.alloc(1 << 20, 'a')

test('an object that is broken is told, and the others stay', async (t) => {
  const path = join(await folder(t), 'cluster.rec')
  const broken =
    '{"set":{"kind":"Service","metadata":{"name":"x"},"spec":{"clusterIP":"10.999.0.1","ports":[]}}}'
  await writeFile(
    path,
    gzipSync([header, broken, oneSlice, complete, edit({ drop: 1 })].join('\n').concat('\n')),
  )
  const read = await entries(path)
  t.deepEqual(
    read.map(({ is }) => is),
    ['header', 'problem', 'start', 'complete', 'set', 'end'],
  )
})
