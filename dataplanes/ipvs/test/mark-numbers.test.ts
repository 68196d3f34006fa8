import test from 'ava'
import { isOurMark, MarkChange, MarkNumbers } from '../compile/mark-numbers.ts'

test('marks avoid the bits that rules read, whichever those are', (t) => {
  for (const bits of [
    { masquerade: 14, route: 13 },
    { masquerade: 0, route: 1 },
    { masquerade: 22, route: 23 },
  ]) {
    const numbers = new MarkNumbers(bits)
    const given = new Set<number>()
    for (let index = 0; index < 300; index++) {
      const change = new MarkChange()
      const mark = numbers.propose(String(index), change)
      numbers.commit(change)
      given.add(mark)
      t.true(numbers.isUsable(mark))
      t.true(isOurMark(mark))
    }
    t.is(given.size, 300)
  }
})

test('a number is reckoned once for each of many marks in one change, and none is given twice', (t) => {
  let reckoned = 0
  const numbers = new MarkNumbers({
    route: 13,
    get masquerade() {
      reckoned += 1
      return 14
    },
  })
  const change = new MarkChange()
  const given = new Set<number>()
  for (let index = 0; index < 10_000; index++) given.add(numbers.propose(`shop/web-${index} cluster`, change))
  t.is(given.size, 10_000)
  t.is(reckoned, 10_000)
  numbers.commit(change)
  numbers.propose('shop/one-more cluster', new MarkChange())
  t.is(reckoned, 10_001)
})

test('a mark that was given back is not given again while its virtual server drains', (t) => {
  const numbers = new MarkNumbers({ masquerade: 14, route: 13 })
  const given = new MarkChange()
  const mark = numbers.propose('shop/web cluster', given)
  numbers.commit(given)
  t.is(numbers.ownerOf(mark), 'shop/web cluster')
  const back = new MarkChange()
  back.giveBack('shop/web cluster')
  numbers.commit(back)
  t.false(numbers.isOwned(mark))
  t.not(numbers.propose('shop/other cluster', new MarkChange()), mark)
})
