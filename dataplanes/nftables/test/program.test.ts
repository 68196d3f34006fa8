import {
  endpoint,
  everything,
  everythingIpv6,
  external,
  externalLocal,
  frontend,
  internal,
  rejected,
  route,
  table,
  web,
} from '@portolan/conformance/example-tables'
import { asGolden } from '@portolan/conformance/golden'
import { fullDifference, type RoutingTable } from '@portolan/core'
import test from 'ava'
import { compile } from '../compile/compile.ts'
import { print } from '../compile/print.ts'
import { settle, type TableMemory } from '../compile/program.ts'
import { reconcile } from '../compile/reconcile.ts'
import { AffinityNumbers, NumbersChange } from '../layout/affinity-numbers.ts'
import type { Setting } from '../layout/chain.ts'
import { nothingObserved } from '../layout/observed-state.ts'

const golden = new URL('./golden/', import.meta.url)

function settingOf(some: RoutingTable): Setting {
  return { family: some.family, podSource: some.podSource, masqueradeBit: 14 }
}

/** What is remembered after the table was made from nothing. */
function memoryOf(some: RoutingTable): TableMemory {
  return settle(reconcile(nothingObserved(some.family), some, settingOf(some)).outcome)
}

/** The change from one table to another, as text. */
function changed(before: RoutingTable, after: RoutingTable): string {
  return print(compile(fullDifference(before, after), settingOf(after), memoryOf(before)))
}

const clusterIP = frontend('ClusterIP', '10.96.0.10', 80, internal)
const loadBalancer = frontend('LoadBalancer', '203.0.113.10', 80, externalLocal)
const one = (...frontends: Parameters<typeof route>[2]) => table([route('shop/web:http', web, frontends)])
const sticky = (endpoints: typeof web) =>
  table([route('shop/web:http', endpoints, [clusterIP], { affinitySeconds: 10800 })])
const more = [...web, endpoint('10.1.1.4'), endpoint('10.1.1.5')]

const rows: readonly { readonly claim: string; readonly file: string; readonly text: () => string }[] = [
  {
    claim: 'an IPv4 table with every kind of frontend is made from nothing in one transaction',
    file: 'everything-ipv4',
    text: () => print(reconcile(nothingObserved('IPv4'), everything(), settingOf(everything()))),
  },
  {
    claim: 'an IPv6 table with affinity and a source filter is made from nothing in one transaction',
    file: 'everything-ipv6',
    text: () => print(reconcile(nothingObserved('IPv6'), everythingIpv6(), settingOf(everythingIpv6()))),
  },
  {
    claim: 'a replaced endpoint is one element out and one in, for each frontend that leads to it',
    file: 'endpoint-replaced',
    text: () => {
      const after = route(
        'shop/web:http',
        [web[0]!, endpoint('10.1.1.9'), web[2]!],
        [clusterIP, loadBalancer],
      )
      return changed(one(clusterIP, loadBalancer), table([after]))
    },
  },
  {
    claim: 'one endpoint more changes the count and adds a slot',
    file: 'endpoint-added',
    text: () => changed(one(clusterIP), table([route('shop/web:http', more.slice(0, 4), [clusterIP])])),
  },
  {
    claim: 'a count that no Service had brings a block of chains along',
    file: 'new-count',
    text: () => changed(one(clusterIP), table([route('shop/web:http', more, [clusterIP])])),
  },
  {
    claim:
      'a Service that loses its last endpoint is rejected in the transaction that takes the endpoint out',
    file: 'last-endpoint-gone',
    text: () =>
      changed(
        one(clusterIP),
        table([route('shop/web:http', [], [frontend('ClusterIP', '10.96.0.10', 80, rejected)])]),
      ),
  },
  {
    claim: 'a deleted Service leaves no element behind',
    file: 'service-deleted',
    text: () =>
      changed(everything(), table([], { serviceCidrs: ['10.96.0.0/16', '10.97.0.0/16', '224.0.0.0/3'] })),
  },
  {
    claim: 'with affinity an endpoint keeps its number when another one leaves before it',
    file: 'affinity-endpoint-gone',
    text: () => changed(sticky(web), sticky([web[2]!, web[1]!])),
  },
  {
    claim: 'affinity switched on moves a Service to the sticky chains',
    file: 'affinity-on',
    text: () => changed(one(clusterIP), sticky(web)),
  },
  {
    claim: 'a source filter is an other policy, and its ranges',
    file: 'source-ranges',
    text: () =>
      changed(
        one(loadBalancer),
        one(frontend('LoadBalancer', '203.0.113.10', 80, externalLocal, ['10.0.0.0/8'])),
      ),
  },
]

for (const { claim, file, text } of rows) {
  test(claim, async (t) => t.is(...(await asGolden(golden, `${file}.nft`, text()))))
}

test('compiling the same change twice gives the same program, and nothing changes before it is applied', (t) => {
  const before = sticky(web)
  const change = fullDifference(before, sticky(more))
  const memory = memoryOf(before)
  const texts = [1, 2].map(() => print(compile(change, settingOf(before), memory)))
  t.is(texts[0], texts[1])
})

test('a table that holds what is wanted needs no program', (t) => {
  const some = one(clusterIP)
  t.is(changed(some, one(clusterIP)), '')
})

test('more endpoints than nftables can number are used up to the limit, and it is said', (t) => {
  const many = Array.from({ length: 16_384 }, (_, index) => endpoint(`10.2.${index >> 8}.${index & 255}`))
  const some = sticky(many)
  const program = reconcile(nothingObserved('IPv4'), some, settingOf(some))
  t.deepEqual(program.degraded, [
    { route: 'shop/web:http/TCP', reason: "only 16383 of its 16384 endpoints are used, nftables' limit" },
  ])
})

test('a policy without a source filter has its way in, also where a filtered one brought its chain', (t) => {
  const office = frontend('LoadBalancer', '203.0.113.51', 80, external, ['198.51.100.0/24'])
  const open = frontend('LoadBalancer', '203.0.113.52', 80, external)
  const [restricted, lifted] = [one(office), one(frontend('LoadBalancer', '203.0.113.51', 80, external))]
  const both = table([route('gate/office:http', web, [office]), route('gate/public:http', web, [open])])
  const texts = {
    'both at start': print(reconcile(nothingObserved('IPv4'), both, settingOf(both))),
    'a second Service later': print(reconcile(nothingObserved('IPv4'), restricted, settingOf(both))),
    'the ranges lifted': changed(restricted, lifted) + changed(table([]), restricted),
  }
  for (const [form, text] of Object.entries(texts))
    t.regex(text, /add element ip portolan policies-vip \{ 1:2c : goto vip-CCC \}/, form)
})

test('each table of pod sources makes its own policy chains', (t) => {
  const sources = [
    [{ by: 'none' }, undefined],
    [{ by: 'interface', name: 'cbr0' }, 'iifname "cbr0" goto vip-cluster'],
    [{ by: 'interfacePrefix', prefix: 'veth' }, 'iifname "veth*" goto vip-cluster'],
  ] as const
  for (const [podSource, match] of sources) {
    const some = table([route('shop/web:http', web, [loadBalancer])], {}, 'IPv4', podSource)
    const text = print(reconcile(nothingObserved('IPv4'), some, settingOf(some)))
    t.is(text.includes('iifname'), match !== undefined)
    if (match !== undefined) t.true(text.includes(match))
  }
})

test('a released affinity number rests before another route gets it', (t) => {
  const numbers = new AffinityNumbers()
  const given: (number | undefined)[] = []
  for (const name of ['a', 'b', 'c']) {
    const { key } = route(name, web, [])
    const change = new NumbersChange()
    given.push(numbers.propose(key, web, change)?.route)
    numbers.commit(change)
    const release = new NumbersChange()
    release.release(key, given.at(-1))
    numbers.commit(release)
  }
  t.is(new Set(given).size, 3)
})
