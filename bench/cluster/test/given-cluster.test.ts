import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import type { ApiObject } from '@portolan/api-server'
import test, { type ExecutionContext } from 'ava'
import { ApiRequests } from '../api-requests.ts'
import { GivenCluster, requestsAtOnce } from '../given-cluster.ts'

/** Keeps what is written by its path, as far as a test lets it: `before` is awaited before each answer. */
async function store(
  t: ExecutionContext,
  before: (method: string, written: number) => Promise<number> | number,
) {
  const objects = new Set<string>()
  const server = createServer(async (request, reply) => {
    const { method = '', url = '' } = request
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const status = await before(method, objects.size)
    if (status < 300 && method === 'POST')
      objects.add(`${url}/${JSON.parse(Buffer.concat(chunks).toString()).metadata.name}`)
    if (status < 300 && method === 'DELETE') objects.delete(url)
    const names = [...objects]
      .filter((path) => path.split('/').length === 5)
      .map((path) => path.split('/')[4])
    const items = names.map((name) => ({ metadata: { name } }))
    reply.writeHead(status, { 'content-type': 'application/json' })
    reply.end(JSON.stringify({ items, metadata: { resourceVersion: '1' } }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const requests = new ApiRequests(
    { server: new URL(`http://127.0.0.1:${port}`), tls: {}, headers: {} },
    requestsAtOnce,
  )
  t.teardown(() => {
    requests.close()
    server.close()
  })
  return { objects, given: new GivenCluster(requests, 'test') }
}

const services = Array.from(
  { length: 200 },
  (_, number): ApiObject => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: `ns-${number % 7}`, name: `svc-${number}` },
    spec: { ports: [{ port: 80 }] },
  }),
)

test('what is still being written when the benchmark is interrupted goes too', async (t) => {
  const { objects, given } = await store(t, async (method) => {
    await turn()
    return method === 'POST' ? 201 : 200
  })
  const filling = given.fill(services)
  while (objects.size < 40) await turn()
  const emptying = given.empty()
  await t.throwsAsync(filling, { message: /the benchmark is over/ })
  t.deepEqual(await emptying, [])
  t.deepEqual([...objects], [])
})

test('after an object that the server refuses no more are written, and all goes', async (t) => {
  let refused = false
  const { objects, given } = await store(t, (method, written) => {
    if (method !== 'POST') return 200
    if (refused || written < 60) return 201
    refused = true
    return 422
  })
  await t.throwsAsync(given.fill(services), { message: /422/ })
  const { size } = objects
  t.true(size >= 60 && size < 60 + requestsAtOnce, `${size} objects`)
  await given.empty()
  t.deepEqual([...objects], [])
})
