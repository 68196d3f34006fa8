import test from 'ava'
import { isObjectName } from '../../../cluster/raw-object.ts'
import { isPortName } from '../../../cluster/service-ports.ts'
import { Pseudonyms } from '../pseudonyms.ts'

const key = Buffer.alloc(32, 1)
const names = new Pseudonyms(key)

test('a name has one pseudonym, in every recorder of the same key', (t) => {
  t.is(names.name('service', 'web', 'shop'), names.name('service', 'web', 'shop'))
  t.is(names.name('service', 'web', 'shop'), new Pseudonyms(key).name('service', 'web', 'shop'))
})

test('names differ by key, by what they name, and by namespace', (t) => {
  const all = [
    names.name('service', 'web', 'shop'),
    names.name('service', 'web', 'blog'),
    names.name('service', 'web'),
    names.name('node', 'web'),
    names.name('port', 'web'),
    new Pseudonyms(Buffer.alloc(32, 2)).name('service', 'web', 'shop'),
  ]
  t.is(new Set(all).size, all.length)
})

test('parts of two names that join to the same text are not the same name', (t) => {
  t.not(names.name('service', 'b', 'a'), names.name('service', '', 'a') + names.name('service', 'b'))
  t.not(names.name('service', 'bc', 'a'), names.name('service', 'c', 'ab'))
})

test('pseudonyms may stand where the names stood', (t) => {
  for (let index = 0; index < 1000; index++) {
    t.true(isObjectName(names.name('node', `node-${index}`)))
    t.true(isPortName(names.name('port', `port-${index}`)))
  }
})

test('no name has no pseudonym', (t) => {
  t.is(names.name('zone', ''), '')
})

test('a pseudonym holds nothing of its name', (t) => {
  t.notRegex(names.name('namespace', 'payments'), /pay|ment/)
})

test('what is forgotten for lack of room comes out the same again', (t) => {
  const first = names.name('slice', 'first', 'ns')
  for (let index = 0; index < 70_000; index++) names.name('slice', `s-${index}`, 'ns')
  t.is(names.name('slice', 'first', 'ns'), first)
})
