import test from 'ava'
import type { EngineObserver } from '../observer.ts'
import { observers } from '../observers.ts'

test('every observer that has the method is told, in order', (t) => {
  const heard: string[] = []
  const one: EngineObserver = { onPending: (family) => void heard.push(`one ${family}`) }
  const other: EngineObserver = { onPending: (family) => void heard.push(`other ${family}`), onApplied() {} }
  observers([one, other]).onPending?.('IPv6')
  t.deepEqual(heard, ['one IPv6', 'other IPv6'])
})

test('a method that no observer has is absent, so that the engine need not measure for it', (t) => {
  const joined = observers([{ onPending() {} }, {}])
  t.is(joined.onApplied, undefined)
  t.deepEqual(Object.keys(joined), ['onPending'])
})

test('methods of a class are found, and called on their object', (t) => {
  class Counter implements EngineObserver {
    #count = 0
    get count() {
      return this.#count
    }
    onNodeChange(): void {
      this.#count++
    }
  }
  const counter = new Counter()
  observers([counter]).onNodeChange?.('an interface came')
  t.is(counter.count, 1)
})

test('one that throws keeps nothing from the others', async (t) => {
  const warned = new Promise<Error>((resolve) => process.once('warning', resolve))
  const told: string[] = []
  observers([
    {
      onNodeChange() {
        throw new Error('broken observer')
      },
    },
    { onNodeChange: (what) => void told.push(what) },
  ]).onNodeChange?.('an interface came')
  t.deepEqual(told, ['an interface came'])
  t.is((await warned).message, 'broken observer')
})
