/** The process in which one dataplane is evaluated: a program, started by run-evaluation.ts. */
import { once } from 'node:events'
import { evaluate } from '../evaluate.ts'
import type { Order, Report } from './messages.ts'

const tell = (report: Report): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined) throw new Error('this program is started by portolan eval')
    process.send(report, undefined, undefined, () => resolve())
  })

const alive = setInterval(() => void tell({ kind: 'alive' }), 1000)

process.once('message', async (order: Order) => {
  const card = await evaluate(order, {
    step: (part, what) => void tell({ kind: 'step', part, what }),
    async kept(scenario, networkNamespace) {
      const left = Promise.race(['SIGINT', 'SIGTERM'].map((signal) => once(process, signal)))
      await tell({ kind: 'kept', scenario, networkNamespace })
      await left
    },
    part: (part) => void tell({ kind: 'part', part }),
    objects: (scenario, objects) => void tell({ kind: 'objects', scenario, objects }),
  })
  clearInterval(alive)
  await tell({ kind: 'card', card })
  process.disconnect()
})
// The one who gave the order is gone, and with it all interest.
process.once('disconnect', () => process.exit(0))
