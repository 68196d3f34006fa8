import test from 'ava'
import type { SliceRecord } from '../../../cluster/records.ts'
import { mergeSlices, SliceCache } from '../slice-cache.ts'
import { exampleEndpoint, exampleSlice } from './example-records.ts'

const a = exampleEndpoint('10.1.0.1')
const b = exampleEndpoint('10.1.0.2')
const terminating = { ready: false, serving: true, terminating: true }
const second = { key: 'default/web-2' }

const shown = (slices: readonly SliceRecord[]) =>
  mergeSlices(slices, '', 'TCP')
    .map(
      ({ endpoint, port }) =>
        `${endpoint.address}:${port}${endpoint.ready ? '' : ' unready'}${endpoint.terminating ? ' terminating' : ''}`,
    )
    .sort()

const merges: readonly { claim: string; slices: readonly SliceRecord[]; expect: readonly string[] }[] = [
  {
    claim: 'slices of one Service are merged',
    slices: [exampleSlice([a]), exampleSlice([b], second)],
    expect: ['10.1.0.1:8080', '10.1.0.2:8080'],
  },
  {
    claim: 'an endpoint in two slices counts once',
    slices: [exampleSlice([a, b]), exampleSlice([b], second)],
    expect: ['10.1.0.1:8080', '10.1.0.2:8080'],
  },
  {
    claim: 'an endpoint twice in one slice counts once',
    slices: [exampleSlice([a, a])],
    expect: ['10.1.0.1:8080'],
  },
  {
    claim: 'a terminating endpoint is replaced by its successor at the same address',
    slices: [exampleSlice([{ ...a, ...terminating }]), exampleSlice([a], second)],
    expect: ['10.1.0.1:8080'],
  },
  {
    claim: 'a terminating endpoint never replaces another',
    slices: [exampleSlice([a]), exampleSlice([{ ...a, ...terminating }], second)],
    expect: ['10.1.0.1:8080'],
  },
  {
    claim: 'an unready successor replaces a terminating endpoint too',
    slices: [exampleSlice([{ ...a, ...terminating }]), exampleSlice([{ ...a, ready: false }], second)],
    expect: ['10.1.0.1:8080 unready'],
  },
  {
    claim: 'of two that are not terminating the ready one counts',
    slices: [exampleSlice([{ ...a, ready: false }]), exampleSlice([a], second)],
    expect: ['10.1.0.1:8080'],
  },
  {
    claim: 'the same address with another port is another endpoint',
    slices: [
      exampleSlice([a]),
      exampleSlice([a], { ...second, ports: [{ name: '', protocol: 'TCP', port: 9090 }] }),
    ],
    expect: ['10.1.0.1:8080', '10.1.0.1:9090'],
  },
  {
    claim: 'ports of another name or protocol are not of this service port',
    slices: [
      exampleSlice([a], {
        ports: [
          { name: 'x', protocol: 'TCP', port: 1 },
          { name: '', protocol: 'UDP', port: 2 },
        ],
      }),
    ],
    expect: [],
  },
]

for (const { claim, slices, expect } of merges) {
  test(claim, (t) => {
    t.deepEqual(shown(slices), expect)
    if (claim.includes('counts once')) return
    const cache = new SliceCache()
    for (const slice of slices.toReversed()) cache.set(slice)
    t.deepEqual(shown(cache.slicesOf('default/web')), expect, 'in whatever order they come')
  })
}

test('a slice that says the same again concerns no Service, whatever its trigger time', (t) => {
  const cache = new SliceCache()
  cache.set(exampleSlice([a, b]))
  t.deepEqual(cache.set(exampleSlice([{ ...a, zoneHints: [] }, { ...b }], { triggerTime: 5 })), [])
})

const changes: readonly { claim: string; slice: SliceRecord }[] = [
  { claim: 'an endpoint more', slice: exampleSlice([a, b]) },
  { claim: 'another condition', slice: exampleSlice([{ ...a, ready: false }]) },
  { claim: 'another node', slice: exampleSlice([{ ...a, nodeName: 'x' }]) },
  { claim: 'another hint', slice: exampleSlice([{ ...a, zoneHints: ['z'] }]) },
  { claim: 'another port', slice: exampleSlice([a], { ports: [{ name: '', protocol: 'TCP', port: 1 }] }) },
  {
    claim: 'another port name',
    slice: exampleSlice([a], { ports: [{ name: 'n', protocol: 'TCP', port: 8080 }] }),
  },
]

for (const { claim, slice } of changes) {
  test(`a slice with ${claim} concerns its Service`, (t) => {
    const cache = new SliceCache()
    cache.set(exampleSlice([a]))
    t.deepEqual(cache.set(slice), ['default/web'])
  })
}

test('a slice that moves to another Service concerns both', (t) => {
  const cache = new SliceCache()
  cache.set(exampleSlice([a]))
  t.deepEqual(cache.set(exampleSlice([a], { serviceKey: 'default/api' })), ['default/web', 'default/api'])
  t.deepEqual(cache.slicesOf('default/web'), [])
})

test('a Service without slices takes no memory', (t) => {
  const cache = new SliceCache()
  cache.set(exampleSlice([a]))
  cache.set(exampleSlice([b], second))
  cache.set(exampleSlice([b], { key: 'shop/web-2', serviceKey: 'shop/web' }))
  t.is(cache.serviceCount, 2)
  for (const key of ['default/web-1', 'default/web-2', 'shop/web-2']) cache.remove(key)
  t.is(cache.serviceCount, 0)
})

test('removing an unknown slice changes nothing', (t) => {
  t.is(new SliceCache().remove('default/none'), undefined)
})
