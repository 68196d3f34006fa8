import {
  endpoint,
  everything,
  everythingIpv6,
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
import { operations, print } from '../compile/print.ts'
import { settle, type TableMemory } from '../compile/program.ts'
import { reconcile } from '../compile/reconcile.ts'
import { isOurChain } from '../layout/chain-names.ts'
import { nothingObserved } from '../layout/observed-state.ts'
import { isOurSet, maxClientSets } from '../layout/sets.ts'
import type { Setting } from '../layout/setting.ts'

const golden = new URL('./golden/', import.meta.url)

function settingOf({ family, podSource }: RoutingTable): Setting {
  return { family, podSource, masqueradeBit: 14, comments: true, maxClientSets }
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

const rows: readonly { readonly claim: string; readonly file: string; readonly text: () => string }[] = [
  {
    claim: 'an IPv4 table with every kind of frontend is made from nothing',
    file: 'everything-ipv4',
    text: () => print(reconcile(nothingObserved('IPv4'), everything(), settingOf(everything()))),
  },
  {
    claim: 'an IPv6 table with affinity and a source filter is made from nothing',
    file: 'everything-ipv6',
    text: () => print(reconcile(nothingObserved('IPv6'), everythingIpv6(), settingOf(everythingIpv6()))),
  },
  {
    claim: "a replaced endpoint rewrites its Service's chain and nothing else, whatever frontends lead there",
    file: 'endpoint-replaced',
    text: () => {
      const after = [web[0]!, endpoint('10.1.1.9'), web[2]!]
      return changed(
        one(clusterIP, loadBalancer),
        table([route('shop/web:http', after, [clusterIP, loadBalancer])]),
      )
    },
  },
  {
    claim: 'a Service that loses its last endpoint is refused from before its rule goes',
    file: 'last-endpoint-gone',
    text: () =>
      changed(
        one(clusterIP),
        table([route('shop/web:http', [], [frontend('ClusterIP', '10.96.0.10', 80, rejected)])]),
      ),
  },
  {
    claim: 'a deleted Service leaves no chain, no element and no set of clients behind',
    file: 'service-deleted',
    text: () =>
      changed(everything(), table([], { serviceCidrs: ['10.96.0.0/16', '10.97.0.0/16', '224.0.0.0/3'] })),
  },
  {
    claim: 'with affinity, an endpoint that leaves takes its chain and its set of clients along',
    file: 'affinity-endpoint-gone',
    text: () => changed(sticky(web), sticky([web[2]!, web[1]!])),
  },
  {
    claim: 'affinity switched on adds a chain and a set for each endpoint',
    file: 'affinity-on',
    text: () => changed(one(clusterIP), sticky(web)),
  },
  {
    claim: 'a source filter is one rule more and its elements',
    file: 'source-ranges',
    text: () =>
      changed(
        one(loadBalancer),
        one(frontend('LoadBalancer', '203.0.113.10', 80, externalLocal, ['10.0.0.0/8'])),
      ),
  },
  {
    claim: 'a NodePort at loopback has the kernel route such packets',
    file: 'nodeport-at-loopback',
    text: () => {
      const routes = [route('shop/web:http', web, [frontend('NodePort', undefined, 30080, externalLocal)])]
      return changed(table([]), table(routes, { nodePortAddresses: ['127.0.0.1'] }))
    },
  },
]

for (const { claim, file, text } of rows) {
  test(claim, async (t) => t.is(...(await asGolden(golden, `${file}.rules`, text()))))
}

test('compiling the same change twice gives the same program, and nothing changes before it is applied', (t) => {
  const before = sticky(web)
  const change = fullDifference(before, everything())
  const memory = memoryOf(before)
  const texts = [1, 2].map(() => print(compile(change, settingOf(before), memory)))
  t.is(texts[0], texts[1])
})

test('a table that holds what is wanted needs no program', (t) => {
  t.is(changed(one(clusterIP), one(clusterIP)), '')
})

test('what a chain of changes remembers is what the last table gives from nothing', (t) => {
  const tables = [everything(), sticky(web), one(clusterIP, loadBalancer), table([]), everything()]
  let memory = memoryOf(table([]))
  let before = table([])
  for (const after of tables) {
    memory = settle(compile(fullDifference(before, after), settingOf(after), memory).outcome)
    const fresh = memoryOf(after)
    t.deepEqual(new Map(memory.tree.nodes), new Map(fresh.tree.nodes))
    t.deepEqual(new Map(memory.clientSets), new Map(fresh.clientSets))
    before = after
  }
})

test('one endpoint of ten, changed among any number of Services, is at most 40 lines', (t) => {
  const ten = Array.from({ length: 10 }, (_, index) => endpoint(`10.1.1.${index + 1}`))
  const service = (index: number, endpoints: typeof ten) =>
    route(`shop/s${index}:http`, endpoints, [
      frontend('ClusterIP', `10.96.${index >> 8}.${index & 255}`, 80, internal),
      frontend('NodePort', undefined, 30000 + index, externalLocal),
    ])
  for (const count of [1, 500]) {
    const others = Array.from({ length: count }, (_, index) => service(index + 1, ten))
    const before = table([service(0, ten), ...others])
    const after = table([service(0, [...ten.slice(1), endpoint('10.1.2.1')]), ...others])
    t.true(changed(before, after).split('\n').length <= 40)
  }
})

test('when there is no room for more sets of clients a Service goes without affinity, and it is said', (t) => {
  const many = Array.from({ length: maxClientSets + 1 }, (_, index) =>
    endpoint(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`),
  )
  const some = sticky(many)
  const program = reconcile(nothingObserved('IPv4'), some, settingOf(some))
  t.deepEqual(program.degraded, [
    {
      route: 'shop/web:http/TCP',
      reason: 'no session affinity: more than 30000 IPv4 endpoints of such Services',
    },
  ])
  t.is(program.newSets.filter(({ name }) => name.startsWith('PORTOLAN-4-A-')).length, 0)
  const less = sticky(web)
  const memory = settle(program.outcome)
  t.true(operations(compile(fullDifference(some, less), settingOf(some), memory)) > 0)
})

test('the sets of both families find room in the kernel together, and who has none is named', (t) => {
  const created = (['IPv4', 'IPv6'] as const).flatMap((family) => {
    const prefix = family === 'IPv4' ? '10.1.' : 'fd00::1:'
    const separator = family === 'IPv4' ? '.' : ':'
    const routes = Array.from({ length: 132 }, (_, service) =>
      route(
        `shop/s${service}:http`,
        Array.from({ length: 250 }, (_, index) => endpoint(`${prefix}${service}${separator}${index}`)),
        [frontend('ClusterIP', family === 'IPv4' ? `10.96.0.${service}` : `fd96::${service}`, 80, internal)],
        { affinitySeconds: 60, family },
      ),
    )
    const some = table(routes, {}, family)
    const { degraded, newSets } = reconcile(nothingObserved(family), some, settingOf(some))
    t.is(degraded.length, 12)
    return newSets
  })
  const roomOfTheKernel = 65_534
  t.true(created.length < roomOfTheKernel - 4000)
})

test('each way to tell pods makes its own rules, and the mode none counts no source as a pod', (t) => {
  const sources = [
    [{ by: 'none' }, '-j MARK --set-xmark 0x4000/0x4000'],
    [{ by: 'interface', name: 'cbr0' }, '! -i cbr0 -j MARK --set-xmark 0x4000/0x4000'],
    [{ by: 'interfacePrefix', prefix: 'veth' }, '! -i veth+ -j MARK --set-xmark 0x4000/0x4000'],
  ] as const
  for (const [podSource, rule] of sources) {
    const some = table([route('shop/web:http', web, [clusterIP])], {}, 'IPv4', podSource)
    const chains = reconcile(nothingObserved('IPv4'), some, settingOf(some)).nat.written
    const entry = [...chains].find(([name]) => name.startsWith('PORTOLAN-S-'))
    t.is(entry?.[1][0], rule)
  }
})

test('all chains and sets that a program makes are known as ours by their names, and others are not', (t) => {
  for (const some of [everything(), everythingIpv6()]) {
    const { nat, filter, newSets } = reconcile(nothingObserved(some.family), some, settingOf(some))
    for (const chain of [...nat.written.keys(), ...filter.written.keys()]) t.true(isOurChain(chain), chain)
    for (const { name } of newSets) t.true(isOurSet(name), name)
  }
  t.true(isOurSet('PORTOLAN-4-route-localnet'))
  const chains = [
    'PORTOLAN-PREROUTING',
    'PORTOLAN-NEW-POD',
    'PORTOLAN-INPUT-2',
    'PORTOLAN-EXTRA',
    'PORTOLAN-IP-8',
    'PORTOLAN-C-web',
  ]
  for (const chain of chains) t.false(isOurChain(chain), chain)
  const sets = [
    'PORTOLAN-SERVED',
    'PORTOLAN-4-mine',
    'PORTOLAN-5-dropped',
    'PORTOLAN-4-A-mine',
    'PORTOLAN-6-route-localnet',
  ]
  for (const set of sets) t.false(isOurSet(set), set)
})

test('names of chains and sets are within the kernel’s limits, and what a name of a Service brings is harmless', (t) => {
  const name = 'shop/an-extremely-long-name-of-a-service-with-63-characters-in-it:"; -j ACCEPT'
  const some = table([route(name, web, [clusterIP, loadBalancer], { affinitySeconds: 5 })])
  const { nat, newSets } = reconcile(nothingObserved('IPv4'), some, settingOf(some))
  for (const [chain, rules] of nat.written) {
    t.regex(chain, /^[A-Za-z0-9-]{1,28}$/)
    for (const rule of rules.filter((one) => one.includes('--comment')))
      t.regex(rule, /--comment "[A-Za-z0-9._:/-]{1,80}" -g PORTOLAN-[A-Za-z0-9-]+$/)
  }
  for (const set of newSets) t.true(set.name.length <= 31)
})
