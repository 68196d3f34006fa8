import test from 'ava'
import { parseSocketAddress, printSocketAddress } from '../socket-address.ts'

const accepted: readonly [string, string][] = [
  ['127.0.0.1:80', '127.0.0.1:80'],
  ['0.0.0.0', '0.0.0.0:10256'],
  ['[::]:65535', '[::]:65535'],
  ['FD00::0:1', '[fd00::1]:10256'],
  ['[fd00::1]:1', '[fd00::1]:1'],
  ['192.0.2.010:80', '192.0.2.10:80'],
]
for (const [text, expected] of accepted) {
  test(`${text} is ${expected}`, (t) => {
    const address = parseSocketAddress(text, 10_256)
    t.is(address === undefined ? undefined : printSocketAddress(address), expected)
  })
}

const rejected = [
  '',
  ':80',
  'localhost:80',
  '127.0.0.1:',
  '127.0.0.1:0',
  '127.0.0.1:65536',
  '127.0.0.1:http',
  '[::1]',
  '::1]:80',
]
for (const text of rejected) {
  test(`'${text}' is no address of a server`, (t) => {
    t.is(parseSocketAddress(text, 10_256), undefined)
  })
}
