import test from 'ava'
import { parseAddress } from '../table/address.ts'
import { usableFamilies } from './families.ts'
import { type Interfaces, localAddresses, watchLocalAddresses } from './local-addresses.ts'
import { nodeName } from './node-name.ts'

const address = (text: string) => parseAddress(text)!

test('the node is named by the operator, else by the machine, trimmed and in lower case', (t) => {
  t.is(nodeName(' Node-A\n', 'host'), 'node-a')
  t.is(nodeName(undefined, 'Host.Example '), 'host.example')
})

const files = (contents: Record<string, string>) => async (path: string) => {
  const text = contents[path]
  if (text === undefined) throw new Error(`no ${path}`)
  return text
}
const [inet6, disabled] = ['/proc/net/if_inet6', '/proc/sys/net/ipv6/conf/all/disable_ipv6']

const families: readonly [string, Record<string, string>, string[]][] = [
  ['IPv6 is usable where the kernel has it', { [inet6]: '', [disabled]: '0\n' }, ['IPv4', 'IPv6']],
  ['IPv6 is not usable where it is disabled', { [inet6]: '', [disabled]: '1\n' }, ['IPv4']],
  ['IPv6 is not usable in a kernel without it', {}, ['IPv4']],
]
for (const [claim, contents, expected] of families) {
  test(claim, async (t) => {
    const usable: string[] = await usableFamilies(files(contents))
    t.deepEqual(usable, expected)
  })
}

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

test('a watch tells at once, and then only what changed', (t) => {
  let now = interfaces('192.0.2.1')
  const told: string[] = []
  const watch = watchLocalAddresses((addresses) => told.push([...addresses].join(' ')), {
    read: () => now,
    period: 1_000_000,
  })
  t.teardown(watch.stop)
  watch.check()
  now = interfaces('192.0.2.1', '192.0.2.2')
  watch.check()
  t.deepEqual(told, ['192.0.2.1', '192.0.2.1 192.0.2.2'])
})

test('a watch keeps what it knows when reading fails', (t) => {
  let fails = false
  const told: string[] = []
  const watch = watchLocalAddresses((addresses) => told.push([...addresses].join(' ')), {
    read: () => {
      if (fails) throw new Error('out of file descriptors')
      return interfaces('192.0.2.1')
    },
    period: 1_000_000,
  })
  t.teardown(watch.stop)
  fails = true
  t.notThrows(watch.check)
  t.deepEqual(told, ['192.0.2.1'])
})
