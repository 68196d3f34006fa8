import {
  endpoint,
  everything,
  everythingIpv6,
  external,
  externalLocal,
  externalLocalElsewhere,
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
import type { Setting } from '../compile/base-rules.ts'
import { compile } from '../compile/compile.ts'
import { type Memory, settle } from '../compile/memory.ts'
import { print } from '../compile/print.ts'
import { reconcile } from '../compile/reconcile.ts'
import { nothingObserved } from '../layout/observed-state.ts'
import { parsedSettings } from './parsed-settings.ts'

const golden = new URL('./golden/', import.meta.url)

const settings = parsedSettings({}, 14)

function settingOf({ family, podSource }: RoutingTable): Setting {
  return { family, podSource, masqueradeBit: 14, routeMarkBit: settings.routeMarkBit }
}

function fromNothing(some: RoutingTable, more: Record<string, string> = {}) {
  return reconcile(nothingObserved(some.family), some, parsedSettings(more, 14), settingOf(some))
}

/** What is remembered after the tables were applied one after the other. */
function memoryOf(first: RoutingTable, ...more: readonly RoutingTable[]): Memory {
  let memory = settle(fromNothing(first).outcome)
  let before = first
  for (const after of more) {
    memory = settle(compile(fullDifference(before, after), settings, memory).outcome)
    before = after
  }
  return memory
}

/** The last of these changes as text. */
function changed(...tables: readonly [RoutingTable, ...RoutingTable[]]): string {
  const [before = tables[0], after = tables[0]] = tables.slice(-2)
  return print(compile(fullDifference(before, after), settings, memoryOf(tables[0], ...tables.slice(1, -1))))
}

const clusterIP = frontend('ClusterIP', '10.96.0.10', 80, internal)
const loadBalancer = frontend('LoadBalancer', '203.0.113.10', 80, externalLocal)
const one = (...frontends: Parameters<typeof route>[2]) => table([route('shop/web:http', web, frontends)])
const withEndpoints = (endpoints: typeof web) => table([route('shop/web:http', endpoints, [clusterIP])])
const nodePorts = (...nodePortAddresses: string[]) =>
  table([route('shop/web:http', web, [frontend('NodePort', undefined, 30080, external)])], {
    nodePortAddresses,
  })

const rows: readonly { readonly claim: string; readonly file: string; readonly text: () => string }[] = [
  {
    claim: 'an IPv4 table with every kind of frontend is made from nothing',
    file: 'everything-ipv4',
    text: () => print(fromNothing(everything())),
  },
  {
    claim: 'an IPv6 table with affinity and a source filter is made from nothing',
    file: 'everything-ipv6',
    text: () => print(fromNothing(everythingIpv6())),
  },
  {
    claim: 'a replaced endpoint is added first, and the one before it drains',
    file: 'endpoint-replaced',
    text: () => changed(withEndpoints(web), withEndpoints([web[0]!, endpoint('10.1.1.9'), web[2]!])),
  },
  {
    claim: 'an endpoint that comes back while it drains gets its weight back',
    file: 'endpoint-returns',
    text: () => changed(withEndpoints(web), withEndpoints(web.slice(0, 2)), withEndpoints(web)),
  },
  {
    claim: 'an endpoint of UDP is deleted at once',
    file: 'udp-endpoint-gone',
    text: () => {
      const dns = (endpoints: typeof web) =>
        table([route('shop/dns', endpoints, [clusterIP], { protocol: 'UDP' })])
      return changed(dns(web), dns(web.slice(1)))
    },
  },
  {
    claim: 'a Service that loses its last endpoint refuses first, and then lets its connections end',
    file: 'last-endpoint-gone',
    text: () =>
      changed(
        one(clusterIP),
        table([route('shop/web:http', [], [frontend('ClusterIP', '10.96.0.10', 80, rejected)])]),
      ),
  },
  {
    claim: 'a Service that gets an endpoint again is served before it is no longer refused',
    file: 'first-endpoint',
    text: () =>
      changed(
        table([route('shop/web:http', [], [frontend('ClusterIP', '10.96.0.10', 80, rejected)])]),
        one(clusterIP),
      ),
  },
  {
    claim: 'a deleted Service is closed without being refused for a moment, and its connections may end',
    file: 'service-deleted',
    text: () =>
      changed(
        table([route('shop/web:http', web, [clusterIP, loadBalancer])], { clusterIPs: ['10.96.0.10'] }),
        table([]),
      ),
  },
  {
    claim: 'without a local endpoint externalTrafficPolicy Local drops, and pods keep their virtual server',
    file: 'last-local-endpoint-gone',
    text: () =>
      changed(
        one(loadBalancer),
        table([
          route('shop/web:http', web.slice(1), [
            frontend('LoadBalancer', '203.0.113.10', 80, externalLocalElsewhere),
          ]),
        ]),
      ),
  },
  {
    claim: 'affinity switched on is an edit of the virtual server',
    file: 'affinity-on',
    text: () =>
      changed(one(clusterIP), table([route('shop/web:http', web, [clusterIP], { affinitySeconds: 10800 })])),
  },
  {
    claim: 'a source filter is its ranges, and then the restriction to them',
    file: 'source-ranges',
    text: () =>
      changed(
        one(loadBalancer),
        one(frontend('LoadBalancer', '203.0.113.10', 80, externalLocal, ['10.0.0.0/8'])),
      ),
  },
  {
    claim: 'an address of the node that comes serves every NodePort, one that goes none',
    file: 'node-address-replaced',
    text: () => changed(nodePorts('172.20.0.2'), nodePorts('172.20.0.3')),
  },
]

for (const { claim, file, text } of rows) {
  test(claim, async (t) => t.is(...(await asGolden(golden, `${file}.txt`, text()))))
}

test('compiling the same change twice gives the same program, and nothing changes before it is applied', (t) => {
  const before = one(clusterIP)
  const change = fullDifference(before, one(clusterIP, loadBalancer))
  const memory = memoryOf(before)
  const texts = [1, 2].map(() => print(compile(change, settings, memory)))
  t.is(texts[0], texts[1])
})

test('a table that holds what is wanted needs no program', (t) => {
  t.is(changed(everything(), everything()), '')
})

test('a NodePort is not served where a virtual IP has the same address and port, and is again afterwards', (t) => {
  const nodePort = route('shop/web:http', web, [frontend('NodePort', undefined, 30080, external)])
  const other = [endpoint('10.1.1.7')]
  const vip = route('shop/vip:http', other, [frontend('ExternalIP', '172.20.0.2', 30080, external)])
  const sets = { nodePortAddresses: ['172.20.0.2'] }
  const [alone, met] = [table([nodePort], sets), table([nodePort, vip], sets)]
  const key = '172.20.0.2|TCP|30080'
  const served = (memory: Memory) =>
    [...memory.placements].find(([name]) => name === key)?.[1].server?.endpoints.map(({ address }) => address)
  t.deepEqual(
    served(memoryOf(alone, met)),
    other.map(({ address }) => address),
  )
  t.deepEqual(
    served(memoryOf(alone, met, alone)),
    web.map(({ address }) => address),
  )
})

test('what lies in exclude-cidrs is left alone, and the route is named', (t) => {
  const program = fromNothing(one(clusterIP, loadBalancer), { 'exclude-cidrs': '203.0.113.0/24' })
  t.false(print(program).includes('203.0.113.10'))
  t.true(print(program).includes('10.96.0.10'))
  t.deepEqual(
    program.degraded.map(({ route }) => String(route)),
    ['shop/web:http/TCP'],
  )
})

test('a scheduler and its flags are those of every virtual server', (t) => {
  const text = print(fromNothing(one(clusterIP), { scheduler: 'mh', 'scheduler-flags': 'mh-port' }))
  t.regex(text, /-A -t 10\.96\.0\.10:80 -s mh -b flag-1,flag-2,flag-3/)
})

test('each way to tell pods makes its own rules', (t) => {
  const sources = [
    [{ by: 'none' }, undefined],
    [{ by: 'interface', name: 'cbr0' }, '-i cbr0 -g PORTOLAN-IPVS-NEW-POD'],
    [{ by: 'interfacePrefix', prefix: 'veth' }, '-i veth+ -g PORTOLAN-IPVS-NEW-POD'],
  ] as const
  for (const [podSource, match] of sources) {
    const text = print(fromNothing(table([], {}, 'IPv4', podSource)))
    t.is(text.includes('-g PORTOLAN-IPVS-NEW-POD'), match !== undefined)
    if (match !== undefined) t.true(text.includes(match))
  }
  const odd = table([], {}, 'IPv4', { by: 'interface', name: 'a b' })
  t.throws(() => fromNothing(odd), { message: /"a b" can't be named/ })
})
