import test from 'ava'
import { DriftDetector, type KernelFingerprint } from '../kernel/drift-detector.ts'

/** A kernel in which only generations move, as of the nft variant: its tables have no shape of their own. */
class Generations implements KernelFingerprint {
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
  const driftDetector = new DriftDetector(kernel)
  await driftDetector.reading('IPv4', async () => {})
  const reading = Promise.withResolvers<void>()
  const read = driftDetector.reading('IPv6', () => reading.promise)
  kernel.current++
  t.false(await driftDetector.isQuiet('IPv4'))
  reading.resolve()
  await read
  t.false(await driftDetector.isQuiet('IPv6'), 'the reading may have been over before the change')
  await driftDetector.reading('IPv6', async () => {})
  t.true(await driftDetector.isQuiet('IPv6'))
})

test('both families stay quiet while others do nothing, also across our own transactions', async (t) => {
  const kernel = new Generations()
  const driftDetector = new DriftDetector(kernel)
  for (const family of ['IPv4', 'IPv6'] as const) await driftDetector.reading(family, async () => {})
  await driftDetector.applying('IPv4', async () => {
    kernel.current += 2
    return { transactions: 2 }
  })
  t.true(await driftDetector.isQuiet('IPv4'))
  t.true(await driftDetector.isQuiet('IPv6'))
})

test('a look waits for our own transaction of the other family, but not for as long as that takes', async (t) => {
  const kernel = new Generations()
  const driftDetector = new DriftDetector(kernel)
  for (const family of ['IPv4', 'IPv6'] as const) await driftDetector.reading(family, async () => {})
  const applied = Promise.withResolvers<{ transactions: number }>()
  const applying = driftDetector.applying('IPv6', () => applied.promise)
  t.false(await driftDetector.isQuiet('IPv4'), 'whether others did something cannot be told')
  kernel.current++
  const looking = driftDetector.isQuiet('IPv4')
  applied.resolve({ transactions: 1 })
  t.true(await looking)
  await applying
})
