import test from 'ava'
import { parseSlice } from '../parse-slice.ts'
import type { SliceRecord } from '../records.ts'

interface Row {
  readonly claim: string
  readonly labels?: object
  readonly slice?: object
  readonly expect: object | undefined
  readonly problems?: readonly string[]
}

const endpoint = (overrides: object) => ({ endpoints: [{ addresses: ['10.1.0.1'], ...overrides }] })
const defaults = {
  address: '10.1.0.1',
  ready: true,
  serving: true,
  terminating: false,
  nodeName: '',
  zoneHints: [],
  nodeHints: [],
}
const expected = (overrides: object) => ({ endpoints: [{ ...defaults, ...overrides }] })

const rows: readonly Row[] = [
  {
    claim: 'conditions that are not told: ready and serving, not terminating',
    slice: endpoint({}),
    expect: expected({}),
  },
  {
    claim: 'a null condition is one that is not told',
    slice: endpoint({ conditions: { ready: null, serving: null, terminating: null } }),
    expect: expected({}),
  },
  {
    claim: 'serving does not follow ready',
    slice: endpoint({ conditions: { ready: false } }),
    expect: expected({ ready: false, serving: true }),
  },
  {
    claim: 'conditions are taken as told',
    slice: endpoint({ conditions: { ready: false, serving: false, terminating: true } }),
    expect: expected({ ready: false, serving: false, terminating: true }),
  },
  {
    claim: 'a condition of the wrong type is told and read as not told',
    slice: endpoint({ conditions: { ready: 'no' } }),
    expect: expected({}),
    problems: ['endpoints[0].conditions.ready'],
  },
  {
    claim: 'hints may name several zones and nodes',
    slice: endpoint({ hints: { forZones: [{ name: 'a' }, { name: 'b' }], forNodes: [{ name: 'n' }] } }),
    expect: expected({ zoneHints: ['a', 'b'], nodeHints: ['n'] }),
  },
  {
    claim: 'only the first address of an endpoint counts',
    slice: endpoint({ addresses: ['10.1.0.9', '10.1.0.8'] }),
    expect: expected({ address: '10.1.0.9' }),
  },
  {
    claim: 'an endpoint without an address is left out',
    slice: endpoint({ addresses: [] }),
    expect: { endpoints: [] },
    problems: ['endpoints[0].addresses'],
  },
  {
    claim: 'an address of the other family is left out',
    slice: endpoint({ addresses: ['fd00::1'] }),
    expect: { endpoints: [] },
    problems: ['endpoints[0].addresses[0]'],
  },
  {
    claim: 'a loopback endpoint is left out',
    slice: endpoint({ addresses: ['127.0.0.1'] }),
    expect: { endpoints: [] },
    problems: ['endpoints[0].addresses[0]'],
  },
  {
    claim: 'ports without a number are left out silently',
    slice: { ports: [{ name: 'a' }, { name: 'a', port: null }, { name: 'a', port: 0 }] },
    expect: { ports: [] },
  },
  {
    claim: "a port's name that is left out is the empty one, the API's default",
    slice: { ports: [{ port: 80 }, { name: null, port: 81, protocol: 'UDP' }] },
    expect: {
      ports: [
        { name: '', protocol: 'TCP', port: 80 },
        { name: '', protocol: 'UDP', port: 81 },
      ],
    },
  },
  {
    claim: 'a port with an empty name is legal',
    slice: { ports: [{ name: '', port: 80 }] },
    expect: { ports: [{ name: '', protocol: 'TCP', port: 80 }] },
  },
  {
    claim: 'a port out of range is told and left out',
    slice: { ports: [{ name: '', port: 70000 }] },
    expect: { ports: [] },
    problems: ['ports[0].port'],
  },
  { claim: 'an FQDN slice is not ours', slice: { addressType: 'FQDN' }, expect: undefined },
  {
    claim: 'an unknown address type is told',
    slice: { addressType: 'IPX' },
    expect: undefined,
    problems: ['addressType'],
  },
  {
    claim: 'a slice of a headless Service is not ours',
    labels: { 'service.kubernetes.io/headless': '' },
    expect: undefined,
  },
  {
    claim: 'a slice that names no Service belongs to none: valid, so it is not told',
    labels: { 'kubernetes.io/service-name': undefined },
    expect: undefined,
  },
  {
    claim: 'a slice with an empty name of a Service belongs to none',
    labels: { 'kubernetes.io/service-name': '' },
    expect: undefined,
  },
  {
    claim: 'a slice whose Service cannot have that name is told and left out',
    labels: { 'kubernetes.io/service-name': 'a/b' },
    expect: undefined,
    problems: ['metadata.labels["kubernetes.io/service-name"]'],
  },
  {
    claim: 'lists that are null are empty',
    slice: { ports: null, endpoints: null },
    expect: { ports: [], endpoints: [] },
  },
]

for (const row of rows) {
  test(row.claim, (t) => {
    const { record, problems } = parseSlice({
      metadata: {
        name: 'web-1',
        namespace: 'shop',
        labels: { 'kubernetes.io/service-name': 'web', ...row.labels },
      },
      addressType: 'IPv4',
      ports: [],
      endpoints: [],
      ...row.slice,
    })
    if (row.expect === undefined) t.is(record, undefined)
    else
      t.like(record, {
        kind: 'EndpointSlice',
        key: 'shop/web-1',
        serviceKey: 'shop/web',
        ...row.expect,
      } as SliceRecord)
    t.deepEqual(
      problems.map(({ field }) => field),
      row.problems ?? [],
    )
  })
}

const unservedRows: readonly [string, object, object, object][] = [
  [
    'without the label that names a Service',
    { 'kubernetes.io/service-name': undefined },
    {},
    { why: 'noServiceName' },
  ],
  [
    'of a headless Service',
    { 'service.kubernetes.io/headless': '' },
    {},
    { why: 'headless', serviceKey: 'shop/web' },
  ],
  ['of host names', {}, { addressType: 'FQDN' }, { why: 'fqdn', serviceKey: 'shop/web' }],
  [
    'with a port without a number',
    {},
    { ports: [{ name: 'a' }] },
    { why: 'portless', serviceKey: 'shop/web' },
  ],
]

for (const [what, labels, fields, unserved] of unservedRows) {
  test(`a slice ${what} is valid: no problem, and what isn't served is kept for explain`, (t) => {
    const parsed = parseSlice({
      metadata: {
        name: 'web-1',
        namespace: 'shop',
        labels: { 'kubernetes.io/service-name': 'web', ...labels },
      },
      addressType: 'IPv4',
      ...fields,
    })
    t.deepEqual(parsed.problems, [])
    t.deepEqual(parsed.unserved, { kind: 'EndpointSlice', object: 'shop/web-1', ...unserved } as never)
  })
}

test('the trigger time is in milliseconds; a broken one is told and costs nothing else', (t) => {
  const parse = (time: unknown) =>
    parseSlice({
      metadata: {
        name: 'a',
        labels: { 'kubernetes.io/service-name': 'web' },
        annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': time },
      },
      addressType: 'IPv4',
    })
  t.is(parse('2026-01-02T03:04:05.678901234Z').record?.triggerTime, Date.UTC(2026, 0, 2, 3, 4, 5, 678))
  const broken = parse('yesterday')
  t.is(broken.record?.triggerTime, undefined)
  t.is(broken.record?.key, 'default/a')
  t.is(broken.problems.length, 1)
})

test('a slice of 1,000 broken endpoints tells eleven problems and keeps the good one', (t) => {
  const { record, problems } = parseSlice({
    metadata: { name: 'a', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    endpoints: [
      ...Array.from({ length: 1000 }, () => ({ addresses: ['nonsense'] })),
      { addresses: ['10.1.0.1'] },
    ],
  })
  t.is(record?.endpoints.length, 1)
  t.is(problems.length, 11)
  t.regex(problems.at(-1)!.fix, /990 more/)
})

test('endpoints that are hinted for the same zone share one list: there may be millions', (t) => {
  const hinted = (address: string) => ({ addresses: [address], hints: { forZones: [{ name: 'a' }] } })
  const { record } = parseSlice({
    metadata: { name: 's-1', namespace: 'ns', labels: { 'kubernetes.io/service-name': 's' } },
    addressType: 'IPv4',
    endpoints: [hinted('10.1.0.1'), hinted('10.1.0.2')],
  })
  const [one, other] = record?.endpoints ?? []
  t.deepEqual(one?.zoneHints, ['a'])
  t.is(one?.zoneHints, other?.zoneHints)
})
