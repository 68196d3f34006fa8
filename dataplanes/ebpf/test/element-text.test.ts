import { type Address, type Cidr, evaluate, type SourceClass } from '@portolan/core'
import test from 'ava'
import { elementText } from '../compile/element-text.ts'
import type { ElementStep } from '../compile/program.ts'
import { trace } from '../explain/trace.ts'
import { addressKey, frontendKeyOf, rangeKey } from '../layout/encode.ts'
import { rangeScope } from '../layout/structures.ts'
import { clusterIP, endpoint, internal, route, table } from './example-tables.ts'

const web = route(
  'shop/web:http',
  [
    clusterIP('10.96.0.10'),
    {
      kind: 'LoadBalancer',
      address: '192.0.2.1' as Address,
      port: 80,
      allowedSources: ['198.51.100.0/24' as Cidr],
      verdicts: internal,
    },
  ],
  [endpoint('10.1.0.2')],
)
const none = Buffer.alloc(8)
const nodePort = { kind: 'NodePort', port: 30080, verdicts: internal } as const

const elements: readonly [string, ElementStep][] = [
  [
    'map frontends: set clusterIP fd00:10:96::10',
    { map: 'frontends', key: addressKey('fd00:10:96::10' as Address, 'clusterIP'), value: none },
  ],
  [
    'map frontends: delete 10.96.0.10:80/TCP',
    { map: 'frontends', key: frontendKeyOf(web, clusterIP('10.96.0.10')) },
  ],
  ['map frontends: delete node port 30080/TCP', { map: 'frontends', key: frontendKeyOf(web, nodePort) }],
  [
    'map ranges: set unallocated 10.96.0.0/16',
    { map: 'ranges', key: rangeKey(rangeScope.unallocated, '10.96.0.0/16' as Cidr), value: none },
  ],
  [
    'map ranges: set pods fd00:10:244::/56',
    { map: 'ranges', key: rangeKey(rangeScope.pods, 'fd00:10:244::/56' as Cidr), value: none },
  ],
  [
    'map ranges: delete allowed sources of service 7: 198.51.100.0/24',
    { map: 'ranges', key: rangeKey(7, '198.51.100.0/24' as Cidr) },
  ],
  [
    'map namespaces: delete 0100000000000000',
    { map: 'namespaces', key: Buffer.from('0100000000000000', 'hex') },
  ],
]
for (const [text, element] of elements) {
  test(`an element reads as ${text}`, (t) => {
    t.is(elementText(element), text)
  })
}

const hooks: readonly [SourceClass, RegExp][] = [
  ['pod', /^the pod's socket .* else tc ingress$/],
  ['node', /^the node's socket .* else tc egress$/],
  ['outside', /^tc ingress$/],
]
const shop = table([web])
for (const [sourceClass, hook] of hooks) {
  test(`a trace begins where a connection of ${sourceClass} is met`, (t) => {
    const packet = {
      source: '198.51.100.7' as Address,
      destination: '10.96.0.10' as Address,
      protocol: 'TCP',
      port: 80,
      sourceClass,
    } as const
    t.regex(trace(shop, evaluate(shop, packet))[0]?.text ?? '', hook)
  })
}

const clients: readonly [string, RegExp][] = [
  ['198.51.100.7', /^map ranges: 198\.51\.100\.7 is in one of 198\.51\.100\.0\/24$/],
  ['203.0.113.9', /^map ranges: 203\.0\.113\.9 is in none of 198\.51\.100\.0\/24: drop$/],
]
for (const [client, line] of clients) {
  test(`a trace tells what the source ranges say about ${client}`, (t) => {
    const destination = '192.0.2.1' as Address
    const packet = { source: client as Address, destination, protocol: 'TCP', port: 80 } as const
    t.true(trace(shop, evaluate(shop, packet)).some(({ text }) => line.test(text)))
  })
}
