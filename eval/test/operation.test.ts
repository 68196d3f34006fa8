import { fileURLToPath } from 'node:url'
import test from 'ava'
import { evaluateOperation } from '../parts/operation.ts'
import { evaluateSpeed } from '../parts/speed.ts'
import stuck from './stuck.ts'

test('a call that never returns is told at the deadline that was asked for', async (t) => {
  t.timeout(600_000)
  const subject = { factory: stuck, settings: {}, underTest: undefined }
  const { outcome, checks } = await evaluateOperation(
    subject,
    undefined,
    { callMs: 2000, slowness: 1 },
    () => {},
  )
  t.is(outcome, 'failed')
  const cleanUp = checks.find(({ name }) => name.startsWith('clean-up leaves nothing'))
  t.regex(cleanUp?.detail ?? '', /dataplane stuck: apply of IPv4 has not returned for 2 s/)
})

test('a call that never returns is told at that deadline where it is measured, too', async (t) => {
  t.timeout(300_000)
  const path = fileURLToPath(import.meta.resolve('./stuck.ts'))
  const options = { services: [1], measuredCallMs: 2000, command: 'portolan eval', version: '0.1.0' }
  const { part } = await evaluateSpeed(path, options, () => {})
  t.is(part.outcome, 'failed')
  t.regex(part.checks.map(({ detail }) => detail).join('\n'), /apply of IPv4 has not returned for \d+ s/)
})
