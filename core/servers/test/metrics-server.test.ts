import test from 'ava'
import { Registry } from 'prom-client'
import type { Address } from '../../network/address.ts'
import { startMetricsServer } from '../metrics-server.ts'
import { knownNode } from './known-node.ts'

/** The server of a proxy, on a clock by which everything takes half a second. */
async function served() {
  let now = 0
  let address = ''
  const server = await startMetricsServer({
    config: {
      dataplane: 'nftables',
      kubeProxyConfiguration: { apiVersion: '', kind: '' },
      servers: {
        metrics: { address: '127.0.0.1' as Address, port: 0 },
        bindAddressHardFail: true,
        enableProfiling: false,
      },
    } as never,
    families: ['IPv4'],
    metrics: { registry: new Registry() } as never,
    driftLog: { entries: [] } as never,
    status: { page: () => () => ({ status: 200, headers: {}, body: '' }) } as never,
    logger: {
      debug() {},
      info: (fields: object) => {
        if ('address' in fields) address = String(fields.address)
      },
      warn() {},
      error() {},
    },
    clock: { now: () => (now += 500), after: () => () => {} },
  })
  server.watch({ ...knownNode(1), dataplane: { trace: () => [] } } as never)
  return {
    get: (path: string) => fetch(`http://${address}${path}`),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

test('/table and /explain are refused together in a loop, and no other page is', async (t) => {
  await using server = await served()
  const pages = ['/table', '/explain?from=pod&to=10.96.0.0:80']
  const answers = []
  for (let i = 0; i < 10; i++) answers.push(await server.get(pages[i % 2] ?? ''))
  const refused = answers.filter(({ status }) => status === 429)
  t.deepEqual(
    answers.slice(0, 2).map(({ status }) => status),
    [200, 200],
  )
  t.true(refused.length > 0)
  for (const { headers } of refused) t.regex(headers.get('retry-after') ?? '', /^\d+$/)
  for (const path of ['/metrics', '/healthz', '/proxyMode', '/configz', '/status', '/drift'])
    for (let i = 0; i < 5; i++) t.is((await server.get(path)).status, 200, path)
})
