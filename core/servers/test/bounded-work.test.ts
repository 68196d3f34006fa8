import test from 'ava'
import { boundedWork } from '../bounded-work.ts'
import { textAnswer } from '../http-answer.ts'
import { ask } from './asking.ts'

/** Pages under one bound, each of which takes as long as its query says, on a clock that nothing else moves. */
function pages() {
  let now = 5_000
  const bounded = boundedWork({ now: () => now })
  const page = () =>
    bounded(({ query }) => {
      now += Number(query.get('ms'))
      if (query.has('fails')) throw new Error('a page that fails')
      return textAnswer(200, 'worked out')
    })
  const asked = async (one: ReturnType<typeof page>, query: string) => {
    const { status, headers } = await ask(one, query)
    return status === 200 ? 200 : Number(headers['Retry-After'])
  }
  const pass = (ms: number): void => {
    now += ms
  }
  return { page, asked, pass }
}

test('pages that are quick enough are never refused', async (t) => {
  const { page, asked, pass } = pages()
  const one = page()
  for (let i = 0; i < 1000; i++) {
    t.is(await asked(one, 'ms=5'), 200)
    pass(50)
  }
})

test('a loop gets a tenth of the time, once it has had its second', async (t) => {
  const { page, asked, pass } = pages()
  const one = page()
  let worked = 0
  for (let ms = 0; ms < 100_000; ms += 5) {
    if ((await asked(one, 'ms=5')) === 200) worked += 5
    else pass(5)
  }
  t.true(worked > 10_000 && worked <= 11_100, `${worked} ms of 100 s`)
})

test('who is refused is told when to come again, and is answered then', async (t) => {
  const { page, asked, pass } = pages()
  const one = page()
  t.is(await asked(one, 'ms=1400'), 200)
  const seconds = await asked(one, 'ms=5')
  t.is(seconds, 3)
  pass(seconds * 1000)
  t.is(await asked(one, 'ms=5'), 200)
})

test('several pages share one bound, and one that fails counts', async (t) => {
  const { page, asked } = pages()
  const [table, explain] = [page(), page()]
  await t.throwsAsync(asked(table, 'ms=2000&fails'), { message: 'a page that fails' })
  t.is(await asked(explain, 'ms=1'), 8)
})

test('a quiet hour earns no more than a second', async (t) => {
  const { page, asked, pass } = pages()
  const one = page()
  pass(3_600_000)
  t.is(await asked(one, 'ms=1500'), 200)
  t.is(await asked(one, 'ms=1'), 4)
})
