import test from 'ava'
import { VirtualClock } from '../../../../time/test/virtual-clock.ts'
import { Recovery } from '../recovery.ts'

function paused(delayMs: number, minMs?: number) {
  const clock = new VirtualClock()
  const recovery = new Recovery(clock)
  const abort = new AbortController()
  const seen = { endedAt: -1 }
  const ended = recovery.pause(delayMs, abort.signal, minMs).then(() => {
    seen.endedAt = clock.now()
  })
  return { clock, recovery, abort, seen, ended }
}

test('a pause ends by itself', async (t) => {
  const { clock, seen } = paused(30_000)
  await clock.pass(60_000)
  t.is(seen.endedAt, 30_000)
})

test('a pause ends when another resource gets through', async (t) => {
  const { clock, recovery, seen } = paused(30_000)
  await clock.pass(5_000)
  recovery.gotThrough()
  await clock.pass(60_000)
  t.is(seen.endedAt, 5_000)
})

test('what the server asked for is waited for all the same', async (t) => {
  const { clock, recovery, seen } = paused(30_000, 8_000)
  await clock.pass(5_000)
  recovery.gotThrough()
  recovery.gotThrough()
  await clock.pass(60_000)
  t.is(seen.endedAt, 8_000)
})

test('a pause is never shorter than what the server asked for', async (t) => {
  const { clock, seen } = paused(1_000, 8_000)
  await clock.pass(60_000)
  t.is(seen.endedAt, 8_000)
})

test('a pause ends when it is aborted, and before it began', async (t) => {
  const { clock, abort, seen, recovery } = paused(30_000, 8_000)
  await clock.pass(1_000)
  abort.abort()
  await clock.pass(0)
  t.is(seen.endedAt, 1_000)
  await recovery.pause(30_000, abort.signal)
})
