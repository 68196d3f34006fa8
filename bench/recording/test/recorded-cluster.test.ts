import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ApiObject, ApiServer } from '@portolan/api-server'
import {
  type ClusterRecord,
  parseNode,
  parseService,
  parseServiceCidr,
  parseSlice,
  recordKinds,
} from '@portolan/core/cluster'
import { plainRecords, Recorder, RecordingFile } from '@portolan/core/source'
import test, { type ExecutionContext } from 'ava'
import { writeChange } from '../../cluster/cluster-change.ts'
import { thisNode } from '../../cluster/probe-services.ts'
import { RecordedCluster } from '../recorded-cluster.ts'
import { replay } from '../replay.ts'

const service = (name: string, clusterIP: string) =>
  recordOf(parseService({ metadata: { name }, spec: { clusterIP, ports: [{ port: 80 }] } }))

const slice = (name: string, ...endpoints: readonly [address: string, node: string][]) =>
  recordOf(
    parseSlice({
      metadata: { name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: [{ name: '', port: 8080 }],
      endpoints: endpoints.map(([address, nodeName]) => ({ addresses: [address], nodeName })),
    }),
  )

const node = (name: string, zone: string) =>
  recordOf(parseNode({ metadata: { name, labels: { 'topology.kubernetes.io/zone': zone } } }))

function recordOf<R extends ClusterRecord>({ record }: { readonly record: R | undefined }): R {
  if (record === undefined) throw new Error('a mistake in the test')
  return record
}

const start = [
  service('web', '10.96.0.1'),
  slice(
    'web',
    ['10.9.0.1', 'node-a'],
    ['10.9.1.1', 'node-b'],
    ['10.9.1.2', 'node-b'],
    ['10.9.2.1', 'node-c'],
  ),
  service('api', '10.96.0.2'),
  slice('api', ['10.9.0.2', 'node-a'], ['10.9.1.3', 'node-b']),
  // One in the lab's network, and one at a probe's address.
  service('hidden', '172.20.0.7'),
  slice('hidden', ['10.9.2.3', 'node-c']),
  service('probe', '10.95.0.1'),
  node('node-a', 'zone-1'),
  node('node-b', 'zone-2'),
  node('node-c', ''),
  recordOf(parseServiceCidr({ metadata: { name: 'kubernetes' }, spec: { cidrs: ['10.0.0.0/8'] } })),
]

async function recording(
  t: ExecutionContext,
  play: (recorder: Recorder, at: (seconds: number) => number) => void = () => {},
  records: readonly ClusterRecord[] = start,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pl-recorded-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const file = await RecordingFile.create(join(folder, 'cluster.rec'))
  const recorder = new Recorder({ output: file, records: plainRecords, names: 'plain' })
  for (const record of records) recorder.set(record, 0)
  for (const kind of recordKinds) recorder.synced(kind)
  const begun = performance.now()
  await recorder.complete
  play(recorder, (seconds) => begun + seconds * 1000)
  recorder.end()
  await file.close()
  return file.path
}

async function open(t: ExecutionContext, path: string, which = 'most'): Promise<RecordedCluster> {
  const cluster = await RecordedCluster.open({ path, node: which })
  t.teardown(() => cluster.close())
  return cluster
}

const names = (objects: Iterable<ApiObject>) =>
  [...objects].map(({ kind, metadata }) => `${kind} ${metadata.name}`)
const nodesOf = (object: ApiObject | undefined) =>
  (object?.endpoints as { nodeName?: string }[]).map(({ nodeName }) => nodeName)

for (const [which, expected, zone] of [
  ['most', 'node-b', 'zone-2'],
  ['median', 'node-a', 'zone-1'],
  ['node-c', 'node-c', undefined],
] as const) {
  test(`as ${which} of its nodes, that node's endpoints are local and its zone is the lab's`, async (t) => {
    const cluster = await open(t, await recording(t), which)
    t.is(cluster.node, expected)
    t.is(cluster.zone, zone)
    const web = [...cluster.objects()].find(({ metadata }) => metadata.name === 'web-1')
    const recorded = ['node-a', 'node-b', 'node-b', 'node-c']
    t.deepEqual(
      nodesOf(web),
      recorded.map((name) => (name === expected ? thisNode : name)),
    )
  })
}

test('a node that is not in it is told, with some that are', async (t) => {
  const error = await t.throwsAsync(RecordedCluster.open({ path: await recording(t), node: 'node-z' }))
  t.regex(error!.message, /has no node 'node-z'/)
  t.like(error, { fix: '--node takes most, median, or one of node-b, node-a, node-c, ...', exitCode: 2 })
})

/** Of Services, by their names. */
const addressesOf = (objects: Iterable<ApiObject>): Readonly<Record<string, string | undefined>> =>
  Object.fromEntries(
    [...objects]
      .filter(({ kind }) => kind === 'Service')
      .map(({ metadata, spec }) => [metadata.name, (spec as { clusterIP?: string }).clusterIP]),
  )

test('where Services are at addresses of the lab, all get others, and stay in their ranges', async (t) => {
  const cluster = await open(t, await recording(t))
  t.deepEqual(names(cluster.objects()).toSorted(), [
    'EndpointSlice api-1',
    'EndpointSlice hidden-1',
    'EndpointSlice web-1',
    'Service api',
    'Service hidden',
    'Service probe',
    'Service web',
  ])
  t.deepEqual([...cluster.leftOut], [])
  t.deepEqual(cluster.warnings, [])
  t.deepEqual(cluster.shape, { services: 4, endpointsPerService: 2 })
  const addresses = addressesOf(cluster.objects())
  t.is(Object.keys(addresses).length, 4)
  for (const address of Object.values(addresses))
    t.notRegex(address ?? '', /^(10\.1\.|172\.2[01]\.0\.|10\.95\.)/)
  const prefix = (address = '') => address.split('.').slice(0, 3).join('.')
  t.is(prefix(addresses.web), prefix(addresses.api))
})

test('the same recording gets the same addresses, in its changes as well', async (t) => {
  const path = await recording(t, (recorder, at) => recorder.set(service('web', '10.96.0.1'), at(0)))
  const [one, other] = [await open(t, path), await open(t, path)]
  const addresses = addressesOf(one.objects())
  t.deepEqual(addressesOf(other.objects()), addresses)
  const { value } = await one.events().next()
  t.deepEqual(addressesOf([(value as { write: ApiObject }).write]), { web: addresses.web })
})

test('a cluster without addresses of the lab keeps its own', async (t) => {
  const cluster = await open(t, await recording(t, undefined, start.slice(0, 4)))
  t.deepEqual(addressesOf(cluster.objects()), { web: '10.96.0.1', api: '10.96.0.2' })
})

/** One Service in each /16 of 10.0.0.0/8: whichever addresses they get, the lab's /16 is one's. */
const everywhere = Array.from({ length: 256 }, (_, index) => service(`s${index}`, `10.${index}.7.7`))

test('of Services that are everywhere, those at the lab stay away with their endpoints', async (t) => {
  const cluster = await open(t, await recording(t, undefined, [...start.slice(0, 4), ...everywhere]))
  t.true(cluster.leftOut.size > 0)
  const served = names(cluster.objects())
  for (const key of cluster.leftOut) t.false(served.includes(`Service ${key.replace('default/', '')}`), key)
  t.is(cluster.warnings.length, 1)
})

test('objects are about as large as a real API server has them', async (t) => {
  const cluster = await open(t, await recording(t))
  const sizes = new Map(
    [...cluster.objects()].map((object) => [object.metadata.name, JSON.stringify(object).length]),
  )
  t.true(Number(sizes.get('web')) > 900, `a Service of ${sizes.get('web')} bytes`)
  t.true(Number(sizes.get('web-1')) > 1500, `a slice of ${sizes.get('web-1')} bytes`)
})

test('its changes are written in their order, so many times as fast as they were', async (t) => {
  const path = await recording(t, (recorder, at) => {
    recorder.set(slice('web', ['10.9.1.9', 'node-b']), at(1800))
    recorder.set(node('node-d', 'zone-1'), at(2700))
    recorder.remove('Service', 'default/api', at(3600))
  })
  const cluster = await open(t, path)
  const written: string[] = []
  // Of an hour this is the fifth of a second; that it comes to its end at all tells it from an hour.
  const played = await replay(cluster, 18_000, ({ write = [], remove = [] }) => {
    written.push(...write.map((one) => `${one.metadata.name} ${nodesOf(one)}`))
    written.push(...remove.map(({ kind, metadata }) => `no ${kind} ${metadata.namespace}/${metadata.name}`))
    return { sentAt: 0, events: 1 }
  })
  t.deepEqual(written, [`web-1 ${thisNode}`, 'no Service default/api'])
  t.like(played, { events: 2, traced: 2 })
  t.true(played.seconds >= 0.19, `an hour at 18,000 times took ${played.seconds} s`)
  await t.throwsAsync(cluster.events().next(), { message: /are played once/ })
})

test('what of it is not measured is told', async (t) => {
  const path = await recording(
    t,
    (recorder, at) => recorder.set(slice('web', ['10.9.1.9', 'node-b']), at(0)),
    [...start, ...everywhere],
  )
  const whole = await readFile(path)
  await writeFile(path, whole.subarray(0, whole.length - 12))
  const cluster = await open(t, path)
  t.is(cluster.warnings.length, 1)
  t.regex(
    cluster.warnings[0]!,
    /: of \d+ Services \(default\/s\d+.*\) their addresses are those of the lab itself, so they are left out with their endpoints$/,
  )
  const { warnings } = await replay(cluster, 1, () => ({ sentAt: 0, events: 1 }))
  t.is(warnings.length, 2)
  t.regex(warnings[1]!, /is read up to 0(\.\d+)? s only: it (was cut off|is damaged) there$/)
})

test('of what is removed, only what was there is waited for', async (t) => {
  const records = [...start, ...everywhere]
  const [key = ''] = (await open(t, await recording(t, undefined, records))).leftOut
  const name = key.replace('default/', '')
  const path = await recording(
    t,
    (recorder, at) => {
      recorder.set(slice(name, ['10.9.1.8', 'node-b']), at(0))
      recorder.remove('Service', key, at(0))
      recorder.set(service('later', `10.${name.slice(1)}.7.7`), at(0))
      recorder.remove('Service', 'default/later', at(0))
      recorder.remove('EndpointSlice', 'default/api-1', at(0))
      recorder.remove('Service', 'default/api', at(0))
    },
    records,
  )
  const cluster = await open(t, path)
  const server = new ApiServer()
  server.load(cluster.objects())
  const { events, traced } = await replay(cluster, 1, (change) => writeChange(server, change))
  t.is(events, 4)
  t.is(traced, 1, 'the Service api alone')
})
