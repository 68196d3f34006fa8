import test from 'ava'
import { VirtualClock } from '../../../../time/test/virtual-clock.ts'
import { defaultTimings } from '../../timings.ts'
import { startHeartbeat } from '../heartbeat.ts'

function monitored(answers: boolean) {
  const clock = new VirtualClock()
  const seen = { bytes: 0, asked: 0, silentAt: -1, speaksAt: -1 }
  const stop = startHeartbeat({
    clock,
    timings: defaultTimings,
    bytesReceived: () => seen.bytes,
    ask: (answered) => {
      seen.asked += 1
      if (answers) answered()
    },
    onIdle: () => {
      seen.silentAt = clock.now()
    },
    onSpeech: () => {
      seen.speaksAt = clock.now()
    },
  })
  return { clock, seen, stop }
}

test('a peer that answers is asked again and again, and lives', async (t) => {
  const { clock, seen } = monitored(true)
  await clock.pass(60_000)
  t.is(seen.silentAt, -1)
  t.is(seen.asked, 15)
})

test('a peer that sends is not asked', async (t) => {
  const { clock, seen } = monitored(false)
  for (let second = 0; second < 30; second++) {
    seen.bytes += 1
    await clock.pass(1_000)
  }
  t.is(seen.asked, 0)
})

test('a peer that freezes right after a byte is silent within 6 seconds', async (t) => {
  const { clock, seen } = monitored(false)
  seen.bytes = 1
  await clock.pass(20_000)
  t.is(seen.silentAt, 6_000)
})

test('bytes that arrive while an answer is awaited are a sign of life', async (t) => {
  const { clock, seen } = monitored(false)
  await clock.pass(3_000)
  seen.bytes = 1
  await clock.pass(3_000)
  t.is(seen.silentAt, -1)
})

test('nothing happens after it was stopped', async (t) => {
  const { clock, seen, stop } = monitored(false)
  await clock.pass(3_000)
  stop()
  await clock.pass(20_000)
  t.is(seen.silentAt, -1)
})

test('a silent peer that sends a byte speaks again, and is asked on', async (t) => {
  const { clock, seen } = monitored(false)
  await clock.pass(10_000)
  t.is(seen.silentAt, 4_000)
  t.is(seen.asked, 1)
  seen.bytes = 1
  await clock.pass(4_000)
  t.is(seen.speaksAt, 10_100)
  t.is(seen.asked, 2)
})
