import test from 'ava'
import { printSocketAddress } from '../../config/socket-address.ts'
import type { Address } from '../../network/address.ts'
import { listenAddresses } from '../listen-addresses.ts'

test('0.0.0.0 and :: are all addresses of every family that the node has', (t) => {
  const texts = (address: string, families: readonly ('IPv4' | 'IPv6')[]) =>
    listenAddresses({ address: address as Address, port: 80 }, families).map(printSocketAddress)
  t.deepEqual(texts('0.0.0.0', ['IPv4', 'IPv6']), ['0.0.0.0:80', '[::]:80'])
  t.deepEqual(texts('::', ['IPv4', 'IPv6']), ['0.0.0.0:80', '[::]:80'])
  t.deepEqual(texts('0.0.0.0', ['IPv4']), ['0.0.0.0:80'])
  t.deepEqual(texts('192.0.2.1', ['IPv4', 'IPv6']), ['192.0.2.1:80'])
})
