import test from 'ava'
import type { Address } from '../address.ts'
import { listenAddresses, parseSocketAddress, socketAddressText } from '../socket-address.ts'

test('socket addresses are read as kube-proxy writes them', (t) => {
  const rows: readonly (readonly [text: string, read: string | undefined])[] = [
    ['0.0.0.0:10256', '0.0.0.0:10256'],
    ['192.0.2.1', '192.0.2.1:99'],
    ['::1', '[::1]:99'],
    ['[::]:10256', '[::]:10256'],
    ['[2001:DB8::1]:80', '[2001:db8::1]:80'],
    [':10256', '0.0.0.0:10256'],
    ['010.0.0.1:80', '10.0.0.1:80'],
    ['', undefined],
    [':', undefined],
    ['[]:80', undefined],
    ['[192.0.2.1]:80', undefined],
    ['192.0.2.1:0', undefined],
    ['192.0.2.1:65536', undefined],
    ['192.0.2.1:', undefined],
    ['localhost:80', undefined],
    ['::1:80:', undefined],
    ['192.0.2.1:80 ', undefined],
  ]
  for (const [text, read] of rows) {
    const parsed = parseSocketAddress(text, 99)
    t.is(parsed && socketAddressText(parsed), read, text)
  }
})

test('a wildcard is all addresses of both families', (t) => {
  const texts = (address: string, families: readonly ('IPv4' | 'IPv6')[]) =>
    listenAddresses({ address: address as Address, port: 80 }, families).map(socketAddressText)
  t.deepEqual(texts('0.0.0.0', ['IPv4', 'IPv6']), ['0.0.0.0:80', '[::]:80'])
  t.deepEqual(texts('::', ['IPv4', 'IPv6']), ['0.0.0.0:80', '[::]:80'])
  t.deepEqual(texts('0.0.0.0', ['IPv4']), ['0.0.0.0:80'])
  t.deepEqual(texts('192.0.2.1', ['IPv4', 'IPv6']), ['192.0.2.1:80'])
})
