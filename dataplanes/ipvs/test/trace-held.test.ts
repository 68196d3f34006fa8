import { everything, everythingIpv6 } from '@portolan/conformance/example-tables'
import {
  type Address,
  evaluate,
  frontendKey,
  type Packet,
  type RoutingTable,
  sourceClasses,
} from '@portolan/core'
import test from 'ava'
import { nothingHeld } from '../layout/held.ts'
import { modelSubject } from './convergence-subject.ts'

/** With what finds a route by its destination, which these tables leave out. */
function found(table: RoutingTable): RoutingTable {
  const frontends = new Map(
    [...table.routes].flatMap(([key, route]) =>
      route.frontends.map(({ address, port }) => [frontendKey(address, route.protocol, port), key] as const),
    ),
  )
  return { ...table, frontends }
}

/** A packet to each destination, of each class. */
function packetsOf(table: RoutingTable): Packet[] {
  const [nodeAddress] = table.nodePortAddresses
  const source = (table.family === 'IPv4' ? '198.51.100.7' : '2001:db8::7') as Address
  return [...table.routes.values()].flatMap(({ frontends, protocol }) =>
    frontends.flatMap(({ address: destination = nodeAddress, port }) =>
      destination === undefined
        ? []
        : sourceClasses.map((sourceClass) => ({ protocol, source, sourceClass, destination, port })),
    ),
  )
}

for (const table of [found(everything()), found(everythingIpv6())]) {
  test(`${table.family}: each step of a trace is found where the table is held, and none where nothing is`, async (t) => {
    const dataplane = modelSubject().open()
    await dataplane.start()
    await dataplane.apply(dataplane.reconcile(await dataplane.observe(table.family), table))
    const held = await dataplane.observe(table.family)
    const nothing = nothingHeld(table.family)
    const packets = packetsOf(table)
    t.true(packets.length > 2)
    for (const packet of packets) {
      const who = `${packet.sourceClass} to ${packet.destination} port ${packet.port}`
      const steps = dataplane.trace(table, evaluate(table, packet))
      t.true(steps.length > 0, who)
      for (const step of steps) {
        if (typeof step === 'string' || step.lacks === undefined) t.fail(`${who}: can't be compared`)
        else {
          t.deepEqual(step.lacks(held), [], `${who}: ${step.text}`)
          t.true(step.lacks(nothing).length > 0, `${who}: ${step.text}`)
        }
      }
    }
    await dataplane.stop()
  })
}
