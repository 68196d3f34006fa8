import test from 'ava'
import * as fc from 'fast-check'
import type { ServiceCidrRecord } from '../../../../cluster/records.ts'
import { Delivery } from '../delivery.ts'
import { serviceCidrResource } from '../watched-resources.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** What a sink holds after everything it was told, and how often it was told anything. */
function watched() {
  const observed = new Map<string, string>()
  const told: string[] = []
  const delivery = new Delivery(
    serviceCidrResource,
    {
      set(record) {
        observed.set(record.key, (record as ServiceCidrRecord).cidrs.join())
        told.push(`set ${record.key}`)
      },
      remove(_kind, key) {
        observed.delete(key)
        told.push(`remove ${key}`)
      },
      synced: () => told.push('synced'),
      problem: ({ object }) => told.push(`problem ${object}`),
    },
    silent,
  )
  return { observed, told, delivery }
}

const object = (name: string, version: number) => ({
  metadata: { name, resourceVersion: String(version) },
  spec: { cidrs: [`10.${version}.0.0/16`] },
})

/** Names with the version that each one has: a state of the cluster. */
const state = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.integer({ min: 1, max: 9 }))

test('after any sequence of lists the sink holds the last one, and was told only of what differs', (t) => {
  fc.assert(
    fc.property(fc.array(state, { minLength: 1, maxLength: 6 }), (states) => {
      const { observed, told, delivery } = watched()
      let before: Record<string, number> = {}
      for (const now of states) {
        told.length = 0
        const list = delivery.beginList()
        for (const [name, version] of Object.entries(now)) list.deliver(object(name, version), 0)
        list.end(0)
        const expected = [
          ...Object.keys(now)
            .filter((name) => now[name] !== before[name])
            .map((name) => `set ${name}`),
          ...Object.keys(before)
            .filter((name) => !(name in now))
            .map((name) => `remove ${name}`),
        ]
        t.deepEqual([...told].sort(), expected.sort())
        before = now
      }
      const holds = Object.fromEntries([...observed].sort())
      const wanted = Object.entries(before).sort(([a], [b]) => (a < b ? -1 : 1))
      t.deepEqual(holds, Object.fromEntries(wanted.map(([name, version]) => [name, `10.${version}.0.0/16`])))
    }),
  )
})

test('a list that breaks off takes nothing away', (t) => {
  const { observed, delivery } = watched()
  delivery.deliver(object('a', 1), 0)
  delivery.beginList().deliver(object('b', 2), 0)
  t.deepEqual([...observed.keys()], ['a', 'b'])
  const list = delivery.beginList()
  list.deliver(object('b', 2), 0)
  list.end(0)
  t.deepEqual([...observed.keys()], ['b'])
})

test('a version that is not trusted any more is delivered again', (t) => {
  const { told, delivery } = watched()
  delivery.deliver(object('a', 1), 0)
  delivery.forgetVersions()
  const list = delivery.beginList()
  list.deliver(object('a', 1), 0)
  list.end(0)
  t.deepEqual(told, ['set a', 'set a'])
})

const nonsense = [null, 7, 'text', [], {}, { metadata: null }, { metadata: { name: 7 } }]
for (const raw of nonsense) {
  test(`${JSON.stringify(raw)} in place of an object is one problem and nothing else`, (t) => {
    const { told, delivery } = watched()
    delivery.beginList().deliver(raw, 0)
    delivery.remove(raw, 0)
    t.is(told.length, 1)
    t.regex(told[0] ?? '', /^problem /)
  })
}

test('synced is said once', (t) => {
  const { told, delivery } = watched()
  delivery.synced()
  delivery.synced()
  t.deepEqual(told, ['synced'])
})
