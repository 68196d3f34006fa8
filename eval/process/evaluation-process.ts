/** The process in which one dataplane is evaluated: a program, started by run-evaluation.ts. */
import { once } from 'node:events'
import { evaluate } from '../evaluate.ts'
import type { Order, Report } from './messages.ts'
import { keepTelling, tell } from './tell.ts'

const report = (one: Report): Promise<void> => tell(one)
const stopTelling = keepTelling()

process.once('message', async (order: Order) => {
  const card = await evaluate(order, {
    step: (part, what) => void report({ kind: 'step', part, what }),
    async kept(scenario, networkNamespace) {
      const left = Promise.race(['SIGINT', 'SIGTERM'].map((signal) => once(process, signal)))
      await report({ kind: 'kept', scenario, networkNamespace })
      await left
    },
    part: (part) => void report({ kind: 'part', part }),
    objects: (scenario, objects) => void report({ kind: 'objects', scenario, objects }),
  })
  stopTelling()
  await report({ kind: 'card', card })
  process.disconnect()
})
// The one who gave the order is gone, and with it all interest.
process.once('disconnect', () => process.exit(0))
