import test from 'ava'
import { Disturbance, type Witness } from '../kernel/disturbance.ts'

/** A kernel in which only generations move, as of the nft variant: its tables have no shape of their own. */
class Generations implements Witness {
  current = 1
  generation(): number {
    return this.current
  }
  shape(): string {
    return ''
  }
  close(): void {}
}

test('what others do while a family is read, and a look for the other family sees, is not forgotten', async (t) => {
  const kernel = new Generations()
  const disturbance = new Disturbance(kernel)
  await disturbance.reading('IPv4', async () => {})
  const reading = Promise.withResolvers<void>()
  const read = disturbance.reading('IPv6', () => reading.promise)
  kernel.current++
  t.false(await disturbance.isQuiet('IPv4'))
  reading.resolve()
  await read
  t.false(await disturbance.isQuiet('IPv6'), 'the reading may have been over before the change')
  await disturbance.reading('IPv6', async () => {})
  t.true(await disturbance.isQuiet('IPv6'))
})

test('both families stay quiet while others do nothing, also across our own transactions', async (t) => {
  const kernel = new Generations()
  const disturbance = new Disturbance(kernel)
  for (const family of ['IPv4', 'IPv6'] as const) await disturbance.reading(family, async () => {})
  await disturbance.applying('IPv4', async () => {
    kernel.current += 2
    return { transactions: 2 }
  })
  t.true(await disturbance.isQuiet('IPv4'))
  t.true(await disturbance.isQuiet('IPv6'))
})
