import test from 'ava'
import type { EventFields } from '../../log/logger.ts'
import type { Address } from '../../network/address.ts'
import { HealthCheckLog } from '../health-check-log.ts'

function bench() {
  const lines: string[] = []
  const note = ({ event, service }: EventFields): void => void lines.push(`${event} ${service}`)
  const log = new HealthCheckLog({ debug() {}, info: note, warn: note, error: note })
  const at = { address: '0.0.0.0' as Address, port: 32000 }
  const unavailable = (service: string) =>
    log.unavailable({ family: 'IPv4', service, at, error: new Error('taken') })
  return { lines, log, unavailable }
}

test('what was told to be unavailable is told when it is available', (t) => {
  const { lines, log, unavailable } = bench()
  unavailable('a/b')
  log.available('IPv4', 'a/b', 32000)
  log.available('IPv4', 'never/told', 32000)
  t.deepEqual(lines, ['health-check-unavailable a/b', 'health-check-available a/b'])
})

test('no more than 20 are told at a time, and those that go make room', (t) => {
  const { lines, log, unavailable } = bench()
  for (let number = 0; number < 1000; number++) unavailable(`a/${number}`)
  t.is(lines.length, 20)
  log.givenUp('IPv4', 'a/0')
  unavailable('a/new')
  t.is(lines.at(-1), 'health-check-unavailable a/new')
})
