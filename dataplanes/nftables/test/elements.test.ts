import test from 'ava'
import { type Element, ElementList } from '../layout/elements.ts'
import { clusterIpSet, countsOf, endpointsOf } from '../layout/sets.ts'

const lists: readonly (readonly [string, ElementList, readonly Element[]])[] = [
  ['a set', new ElementList(clusterIpSet), [{ key: ['10.96.0.1'] }, { key: ['10.96.0.2'] }]],
  [
    'a map',
    new ElementList(endpointsOf('vip', 'cluster', 'TCP')),
    [
      { key: ['10.96.0.1', 80, 0], value: ['10.1.0.2', 8080] },
      { key: ['10.96.0.1', 80, 1], value: ['10.1.0.3', 8080] },
    ],
  ],
  [
    'a map of which a value is not told',
    new ElementList(countsOf('nodeport', 'local')),
    [{ key: ['TCP', 30080], value: [0] }, { key: ['TCP', 30081] }],
  ],
]

for (const [what, list, elements] of lists) {
  test(`a list gives back the elements of ${what} in their order`, (t) => {
    for (const { key, value } of elements) list.push(key, value)
    t.is(list.length, elements.length)
    t.deepEqual([...list], elements)
    t.deepEqual(
      elements.map((_, index) => list.at(index)),
      elements,
    )
    t.is(list.at(elements.length), undefined)
  })
}

test('a list takes the fields of an element, so their arrays may be used again', (t) => {
  const list = new ElementList(endpointsOf('nodeport', 'cluster', 'UDP'))
  const key = [30080, 0]
  const value = ['10.1.0.2', 53]
  list.push(key, value)
  key[1] = 1
  value[0] = '10.1.0.3'
  list.push(key, value)
  t.deepEqual(
    [...list],
    [
      { key: [30080, 0], value: ['10.1.0.2', 53] },
      { key: [30080, 1], value: ['10.1.0.3', 53] },
    ],
  )
})

test('a list of tens of thousands has each at its place', (t) => {
  const list = new ElementList(endpointsOf('vip', 'cluster', 'TCP'))
  for (let slot = 0; slot < 20_000; slot++) list.push(['10.96.0.1', 80, slot], ['10.1.0.2', slot + 1])
  const wrong = [...list].filter(({ key, value }, slot) => key[2] !== slot || value?.[1] !== slot + 1)
  t.deepEqual(wrong, [])
  t.deepEqual([list.length, list.at(20_000), list.field(12_345, 4)], [20_000, undefined, 12_346])
})
