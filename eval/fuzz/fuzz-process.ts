/** The process in which a dataplane is searched for faults: a program, started by fuzz.ts. */
import { resolve } from 'node:path'
import { parseDataplaneName } from '@portolan/bench'
import { parsePath, search, searchPath } from '@portolan/conformance/fuzz'
import { dataplaneModule } from '@portolan/core/dataplane'
import { withDeadline } from '../parts/deadline.ts'
import { describe } from '../parts/failure.ts'
import { keepTelling, tell } from '../process/tell.ts'
import { loadSubject, type Subject } from '../subject.ts'
import type { Order, Report, TestedModule } from './messages.ts'

const report = (one: Report): Promise<void> => tell(one)
const stopTelling = keepTelling()
const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort())

let isOver = false
process.on('unhandledRejection', (reason) => {
  if (!isOver) throw reason
})

process.once('message', async (order: Order) => {
  await report(await work(order))
  stopTelling()
  // Whatever the dataplane, or a round that was interrupted, has left open.
  process.exit(0)
})
// The one who gave the order is gone, and with it all interest.
process.once('disconnect', () => process.exit(0))

async function work(order: Order): Promise<Report> {
  const { dataplane, underTest, callMs, path, ...amounts } = order
  let subject: Subject
  try {
    subject = await loadSubject(dataplane, underTest)
  } catch (error) {
    return { kind: 'not loaded', why: describe(error) }
  }
  const options = {
    ...amounts,
    factory: withDeadline(subject.factory, callMs),
    settings: subject.settings,
    signal: interrupted.signal,
    watcher: {
      round: (at: string, done: Extract<Report, { kind: 'round' }>['done']) =>
        void report({ kind: 'round', path: at, done }),
      found: (at: string, wrong: string) => void report({ kind: 'found', path: at, wrong }),
      over() {
        isOver = true
      },
    },
  }
  const place = path === undefined ? undefined : parsePath(path)
  const result = await (place === undefined ? search(options) : searchPath(options, place))
  return { kind: 'result', result, subject: testedModule(dataplane, subject) }
}

function testedModule(asked: string, { wraps, underTest, settings }: Subject): TestedModule {
  if (wraps !== undefined && underTest !== undefined)
    return { module: underTest, gives: 'dataplane under test', settings }
  const { module } = parseDataplaneName(asked)
  const isPath = /^\.{0,2}\//.test(module)
  return { module: isPath ? resolve(module) : dataplaneModule(module), gives: 'factory', settings }
}
