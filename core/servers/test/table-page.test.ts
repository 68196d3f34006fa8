import test from 'ava'
import { tablePage } from '../table-page.ts'
import { askJson } from './asking.ts'
import { knownNode } from './known-node.ts'

const page = tablePage(knownNode(250))

const filters: readonly (readonly [query: string, matching: number])[] = [
  ['', 250],
  ['service=default/web-7', 1],
  ['service=default/web', 0],
  ['service=other/web-7', 0],
  ['address=10.96.0.9', 1],
  ['address=010.96.0.9', 1],
  ['address=192.168.0.2', 1],
  ['address=192.168.0.3', 0],
  ['endpoint=10.1.0.9', 1],
  ['endpoint=10.1.0.9:8080', 1],
  ['endpoint=10.1.0.9:80', 0],
  ['family=IPv4&endpoint=10.1.0.9', 1],
  ['family=IPv6', 0],
  ['service=default/web-9&address=10.96.0.9', 1],
  ['service=default/web-9&address=10.96.0.8', 0],
]

for (const [query, matching] of filters) {
  test(`'${query}' finds ${matching}`, async (t) => {
    const { status, body } = await askJson(page, query)
    t.is(status, 200)
    t.is((body as { matching: number }).matching, matching)
  })
}

test('a route is shown with where it answers, and for whom, and its endpoints', async (t) => {
  const { body } = await askJson(page, 'service=default/web-0')
  const cluster = { do: 'balance', over: 'cluster', masquerade: true }
  t.deepEqual((body as { routes: object[] }).routes, [
    {
      key: 'default/web-0:/TCP',
      name: 'default/web-0',
      family: 'IPv4',
      protocol: 'TCP',
      affinitySeconds: null,
      frontends: [
        {
          kind: 'ClusterIP',
          address: '10.96.0.0',
          port: 80,
          allowedSources: null,
          verdicts: { pod: { ...cluster, masquerade: false }, node: cluster, outside: cluster },
        },
        {
          kind: 'NodePort',
          address: null,
          port: 30_080,
          allowedSources: null,
          verdicts: { pod: cluster, node: cluster, outside: cluster },
        },
      ],
      endpoints: { cluster: [{ address: '10.1.0.0', port: 8080, local: false }], local: [] },
    },
  ])
})

test('the summary says how large the table is, and whether the kernel has it', async (t) => {
  const { body } = await askJson(page, 'limit=1')
  const [table] = (body as { tables: Record<string, unknown>[] }).tables
  t.is(table?.applied, true)
  t.is(table?.routes, 250)
  t.is(table?.clusterIPs, 250)
})

for (const limit of [1, 7, 100, 250, 1000]) {
  test(`pages of ${limit} together are everything, in order and once`, async (t) => {
    const keys: string[] = []
    let after = ''
    for (let pages = 0; pages <= 250; pages++) {
      const { body } = await askJson(page, `limit=${limit}${after}`)
      const { routes, next } = body as { routes: { key: string }[]; next: string | null }
      t.true(routes.length <= limit)
      keys.push(...routes.map(({ key }) => key))
      if (next === null) break
      after = `&after=${encodeURIComponent(next)}`
    }
    t.is(keys.length, 250)
    t.deepEqual(keys, [...new Set(keys)].toSorted())
  })
}

const wrong = [
  'service=web',
  'service=a/b/c',
  'address=web',
  'address=10.96.0.0/24',
  'endpoint=10.1.0.9:99999',
  'endpoint=web:80',
  'family=ipv4',
  'limit=0',
  'limit=1001',
  'limit=-1',
  'limit=1e3',
  'limit=1&limit=2',
  'what=ever',
  `after=${'x'.repeat(601)}`,
]

for (const query of wrong) {
  test(`'${query.slice(0, 40)}' is refused, with what to do`, async (t) => {
    const { status, body } = await askJson(page, query)
    t.is(status, 400)
    const { error, fix } = body as { error: string; fix: string }
    t.regex(error, new RegExp(query.split('=')[0] ?? ''))
    t.true(fix.length > 3)
  })
}
