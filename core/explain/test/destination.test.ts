import test from 'ava'
import { parseDestination } from '../destination.ts'
import { QuestionError } from '../question-error.ts'

const destinations: readonly [string, object][] = [
  ['10.96.0.10:80/TCP', { address: '10.96.0.10', port: 80, protocol: 'TCP' }],
  ['10.96.0.10:80', { address: '10.96.0.10', port: 80, protocol: 'TCP' }],
  ['010.96.0.10:80/udp', { address: '10.96.0.10', port: 80, protocol: 'UDP' }],
  ['[FD00::0:1]:65535/Sctp', { address: 'fd00::1', port: 65_535, protocol: 'SCTP' }],
  ['node:30080', { port: 30_080, protocol: 'TCP' }],
  ['Node:1/UDP', { port: 1, protocol: 'UDP' }],
]
for (const [text, expected] of destinations) {
  test(`destination ${text} is understood`, (t) => {
    t.deepEqual(parseDestination(text) as object, expected)
  })
}

const notDestinations: readonly [string, RegExp][] = [
  ['', /not a destination/],
  ['web:80', /'web' is not an IP address/],
  ['10.96.0.10', /not a destination/],
  ['10.96.0.10:0', /1 to 65535/],
  ['10.96.0.10:65536', /1 to 65535/],
  ['10.96.0.10:http', /not a destination/],
  ['10.96.0.10:80/icmp', /unknown protocol 'icmp'/],
  ['10.96.0.10:80/TCP/x', /not a destination/],
  ['fd00::1:80', /needs brackets/],
  ['[10.96.0.10]:80', /'10.96.0.10' is not an IP address/],
  ['[node]:80', /'node' is not an IP address/],
]
for (const [text, message] of notDestinations) {
  test(`destination '${text}' is refused`, (t) => {
    const error = t.throws(() => parseDestination(text), { instanceOf: QuestionError, message })
    t.is(error.code, 'QUESTION_INVALID')
  })
}
