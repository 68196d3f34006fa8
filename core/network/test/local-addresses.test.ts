import test from 'ava'
import { parseAddress } from '../address.ts'
import { type Interfaces, localAddresses, watchLocalAddresses } from '../local-addresses.ts'

const address = (text: string) => parseAddress(text)!

const interfaces = (...addresses: string[]): Interfaces => ({
  eth0: addresses.map((text) => ({
    address: text,
    netmask: '',
    family: 'IPv4',
    mac: '',
    internal: false,
    cidr: null,
  })),
})

test('reads addresses of all interfaces, without zones', (t) => {
  t.deepEqual(
    [...localAddresses(interfaces('192.0.2.1', 'fe80::1%eth0'))],
    [address('192.0.2.1'), address('fe80::1')],
  )
})

/** A watch over a read that the test replaces, and what it reported. */
function watched(first: () => Interfaces) {
  const reported: string[] = []
  const state = { read: first }
  const watch = watchLocalAddresses((addresses) => reported.push([...addresses].join(' ')), {
    read: () => state.read(),
    period: 1_000_000,
    onFailure: (error) => reported.push(`failed: ${(error as Error).message}`),
    onRecovery: () => reported.push('recovered'),
  })
  return { reported, state, watch }
}

const unreadable = (): never => {
  throw new Error('out of file descriptors')
}

test('a watch reports at once, and then only what changed', (t) => {
  const { reported, state, watch } = watched(() => interfaces('192.0.2.1'))
  t.teardown(watch.stop)
  watch.check()
  state.read = () => interfaces('192.0.2.1', '192.0.2.2')
  watch.check()
  t.deepEqual(reported, ['192.0.2.1', '192.0.2.1 192.0.2.2'])
})

test('a watch keeps what it knows when reading fails, and reports the failure once and its end', (t) => {
  const { reported, state, watch } = watched(() => interfaces('192.0.2.1'))
  t.teardown(watch.stop)
  const { read } = state
  for (let turn = 0; turn < 2; turn++) {
    state.read = unreadable
    for (let attempt = 0; attempt < 3; attempt++) t.notThrows(watch.check)
    state.read = read
    watch.check()
  }
  t.deepEqual(reported, [
    '192.0.2.1',
    ...['failed: out of file descriptors', 'recovered', 'failed: out of file descriptors', 'recovered'],
  ])
})

test('a watch whose first read fails has nothing to report until one works', (t) => {
  const { reported, state, watch } = watched(unreadable)
  t.teardown(watch.stop)
  state.read = () => interfaces('192.0.2.1')
  watch.check()
  t.deepEqual(reported, ['failed: out of file descriptors', 'recovered', '192.0.2.1'])
})
