/**
 * What the lists of one start cost a real kube-apiserver, by the way that they are asked for: `node bench/outages/list-cost.ts
 * [SERVICES]` (default 1000, of 10 endpoints). Bytes of the bodies, and CPU of the server, in whose process its etcd is: the
 * median of four rounds, in each of which every way has its turn of six starts.
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import * as http2 from 'node:http2'
import { createGunzip } from 'node:zlib'
import { resourceKind } from '@portolan/api-server'
import { administrator, RealApiServer } from '@portolan/real-api-server'
import { GeneratedCluster } from '../cluster/generated-cluster.ts'

const services = Number(process.argv[2] ?? 1000)
const [rounds, starts] = [4, 6]
const paths = ['/api/v1/services', '/apis/discovery.k8s.io/v1/endpointslices']
const protobuf = 'application/vnd.kubernetes.protobuf'
const json = 'application/json'
const watchList =
  'watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan'
const pages = 'limit=500'

/** What it is called, the query, the form, and whether in gzip. */
const ways: readonly (readonly [name: string, query: string, accept: string, gzip: boolean])[] = [
  ['a watch-list, plain', watchList, `${protobuf};stream=watch`, false],
  ['a watch-list in gzip, as kube-proxy 1.37', watchList, `${protobuf};stream=watch`, true],
  ['one list of resourceVersion=0 in gzip', 'resourceVersion=0', protobuf, true],
  ['one list of the newest state in gzip', '', protobuf, true],
  ['pages of 500 of the newest state, plain', pages, protobuf, false],
  ['pages of 500 of the newest state in gzip, as Portolan', pages, protobuf, true],
  ['the same in JSON', pages, json, true],
]

await using server = await RealApiServer.start()
await fill()
const { promise: closed, resolve: close } = Promise.withResolvers<void>()
const session = http2.connect(server.url, { ca: server.certificateAuthority })
session.once('close', close)
const results = ways.map(() => ({ bytes: [] as number[], cpuMs: [] as number[] }))
for (let round = 0; round < rounds; round++) {
  for (const [index, way] of ways.entries()) {
    const before = cpuMs()
    let bytes = 0
    for (let start = 0; start < starts; start++) for (const path of paths) bytes += await read(path, way)
    results[index]?.bytes.push(bytes / starts)
    results[index]?.cpuMs.push((cpuMs() - before) / starts)
  }
}
session.close()
await closed
console.log(`lists of one start, ${services} Services of 10 endpoints`)
for (const [index, [name]] of ways.entries()) {
  const { bytes = [], cpuMs: cpu = [] } = results[index] ?? {}
  console.log(`${name}: ${(median(bytes) / 1e6).toFixed(2)} MB, ${median(cpu).toFixed(0)} ms of CPU`)
}

/** Reads all of one resource. @returns bytes of the bodies as they came */
async function read(path: string, [, query, accept, gzip]: (typeof ways)[number]): Promise<number> {
  let bytes = 0
  for (let token: string | undefined = ''; token !== undefined; ) {
    const more: string = token === '' ? query : `${query}&continue=${token}`
    const stream = session.request({
      ':path': `${path}?${more}`,
      authorization: `Bearer ${administrator}`,
      accept,
      ...(gzip ? { 'accept-encoding': 'gzip' } : {}),
    })
    const [headers] = (await once(stream, 'response')) as [
      http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader,
    ]
    if (headers[':status'] !== 200) throw new Error(`${path}: ${headers[':status']}`)
    const count = (chunk: Buffer) => {
      bytes += chunk.length
    }
    const body = headers['content-encoding'] === 'gzip' ? stream.pipe(createGunzip()) : stream
    if (body !== stream) stream.on('data', count)
    let [head, tail] = ['', '']
    for await (const chunk of body as AsyncIterable<Buffer>) {
      if (body === stream) count(chunk)
      const text = chunk.toString('latin1')
      if (head.length < 2000) head += text
      tail = tail.slice(-100) + text
      // A watch goes on after its list.
      if (query === watchList && tail.includes('k8s.io/initial-events-end')) break
    }
    stream.close()
    // A token begins as every JSON object does, in base64.
    token = query === pages ? /eyJ[\w-]+/.exec(head.slice(0, 2000))?.[0] : undefined
  }
  return bytes
}

/** The generated cluster, but for what the server decides or checks: ClusterIPs, owners, managers. */
async function fill(): Promise<void> {
  for (let number = 0; number < Math.min(services, 100); number++)
    await create('/api/v1/namespaces', { metadata: { name: `ns-${number}` } })
  const objects = new GeneratedCluster({ services, endpointsPerService: 10 }).objects()
  const work = async () => {
    for (const { kind, metadata, spec, ...object } of objects) {
      const { prefix, plural, apiVersion } = resourceKind(kind)
      const kept = { ...metadata, managedFields: undefined, ownerReferences: undefined }
      const more =
        spec instanceof Object ? { spec: { ...spec, clusterIP: undefined, clusterIPs: undefined } } : {}
      const body = { ...object, ...more, kind, apiVersion, metadata: kept }
      await create(`${prefix}/namespaces/${metadata.namespace}/${plural}`, body)
    }
  }
  await Promise.all(Array.from({ length: 16 }, work))
}

async function create(path: string, body: object): Promise<void> {
  const { status, body: answer } = await server.client.request('POST', path, { body })
  if (status !== 201) throw new Error(`${path}: ${status} ${answer.message}`)
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN
}

/** The server's CPU time, of /proc, in which a tick is 10 ms. */
function cpuMs(): number {
  const fields = readFileSync(`/proc/${server.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}
