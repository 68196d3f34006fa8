import test from 'ava'
import { VirtualClock } from '../../time/test/virtual-clock.ts'
import { profilingPages } from '../profiling-pages.ts'
import { ask } from './asking.ts'

const pages = () => {
  const clock = new VirtualClock()
  return { clock, of: profilingPages(clock) }
}

/** Lets time pass until there is an answer. */
async function answered<Answer>(clock: VirtualClock, answer: Promise<Answer>): Promise<Answer> {
  const state = { done: false }
  answer.then(() => {
    state.done = true
  })
  while (!state.done) await clock.pass(1000)
  return answer
}

test('a profile of the CPU is one that developer tools read', async (t) => {
  const { clock, of } = pages()
  const answer = ask(of['/debug/pprof/profile']!, 'seconds=1')
  const { status, headers, body } = await answered(clock, answer)
  t.is(status, 200)
  t.regex(headers['Content-Disposition'] ?? '', /\.cpuprofile"$/)
  t.true(JSON.parse(String(body)).nodes.length > 0)
})

test('a profile of the heap as well, one at a time', async (t) => {
  const { clock, of } = pages()
  const answer = ask(of['/debug/pprof/heap']!, '')
  t.is((await ask(of['/debug/pprof/profile']!, '')).status, 409)
  const { headers, body } = await answered(clock, answer)
  t.regex(headers['Content-Disposition'] ?? '', /\.heapprofile"$/)
  t.is(typeof JSON.parse(String(body)).head, 'object')
})

for (const query of ['seconds=0', 'seconds=31', 'seconds=-1', 'seconds=1.5', 'seconds=x', 'debug=1']) {
  test(`'${query}' is refused`, async (t) => {
    t.is((await ask(pages().of['/debug/pprof/profile']!, query)).status, 400)
  })
}

test('what there is to ask for is told', async (t) => {
  t.regex(String((await ask(pages().of['/debug/pprof/']!, '')).body), /profile\?seconds=10/)
})
