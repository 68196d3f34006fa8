import { setTimeout as sleep } from 'node:timers/promises'
import { createLab, type Lab, remotePodAddress } from '@portolan/lab'
import test from 'ava'
import { monotonic } from '../clock.ts'
import { firstPacketAt } from '../first-packet.ts'

let lab: Lab

test.before(async () => {
  lab = await createLab()
})

test.after.always(() => lab?.close())

const expected = { address: remotePodAddress('IPv4', 3), port: 8080 }

test('the first packet is seen when the server begins to answer, and not before', async (t) => {
  const [pod] = lab.pods
  const reached = firstPacketAt(pod!, { to: expected, expected, timeoutMs: 60_000 })
  await sleep(200)
  const before = monotonic()
  await lab.remote.serve('TCP', expected.address, expected.port)
  const at = await reached
  t.true(at >= before)
})

test('another server than the expected one does not count', async (t) => {
  const [pod] = lab.pods
  const other = await lab.remote.serve('TCP', remotePodAddress('IPv4', 4), 8080)
  const to = { address: other.address, port: other.port }
  await t.throwsAsync(firstPacketAt(pod!, { to, expected, timeoutMs: 200 }), {
    message: /no connection to .* reached .* in 0.2 s/,
  })
})
