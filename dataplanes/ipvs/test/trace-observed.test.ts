import { everything, everythingIpv6 } from '@portolan/conformance/example-tables'
import { packetsTo, tracedRanges, withFrontends } from '@portolan/conformance/traced-ranges'
import { type Address, evaluate } from '@portolan/core'
import test from 'ava'
import { nothingObserved } from '../layout/observed-state.ts'
import { modelSubject } from './convergence-subject.ts'

for (const table of [withFrontends(everything()), withFrontends(everythingIpv6())]) {
  test(`${table.family}: each step of a trace is found where the table is held, and none where nothing is`, async (t) => {
    const dataplane = modelSubject().open()
    await dataplane.start()
    await dataplane.apply(dataplane.reconcile(await dataplane.observe(table.family), table))
    const observedState = await dataplane.observe(table.family)
    const nothing = nothingObserved(table.family)
    const packets = packetsTo(table, (table.family === 'IPv4' ? '198.51.100.7' : '2001:db8::7') as Address)
    t.true(packets.length > 2)
    for (const packet of packets) {
      const who = `${packet.sourceClass} to ${packet.destination} port ${packet.port}`
      const steps = dataplane.trace(table, evaluate(table, packet))
      t.true(steps.length > 0, who)
      for (const step of steps) {
        if (typeof step === 'string' || step.lacks === undefined) t.fail(`${who}: can't be compared`)
        else {
          t.deepEqual(step.lacks(observedState), [], `${who}: ${step.text}`)
          t.true(step.lacks(nothing).length > 0, `${who}: ${step.text}`)
        }
      }
    }
    await dataplane.stop()
  })
}

tracedRanges(test, () => modelSubject().open())
