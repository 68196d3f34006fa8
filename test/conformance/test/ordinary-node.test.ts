/**
 * What the node does in its ordinary life (interfaces, addresses, routes, namespaces that come and go) is no
 * interference: no dataplane may find that its rules have drifted. IPVS, whose kernel is in a virtual machine only, has no
 * such row; its state names no interface but its own.
 */
import test from 'ava'
import { Fixture } from '../fixture.ts'
import type { DataplaneUnderTest } from '../index.ts'
import { at } from '../matrix-case.ts'
import { place } from '../place.ts'
import { createTestbed } from '../testbed.ts'
import { timeoutsOf } from '../timeouts.ts'

const kinds: readonly (readonly [string, string, Readonly<Record<string, string>>])[] = [
  ['nftables', 'nftables', { transport: 'netlink' }],
  ['nftables by nft', 'nftables', { transport: 'nft' }],
  ['iptables, legacy', 'iptables', { variant: 'legacy' }],
  ['iptables, nft', 'iptables', { variant: 'nft' }],
  ['eBPF', 'ebpf', {}],
  ['eBPF by clsact', 'ebpf', { 'packet-hook': 'clsact' }],
]

const events: readonly string[] = [
  'link add pod9 type veth peer name pod9p',
  'link set pod9 up',
  'link set pod9p up',
  'address add 10.99.0.1/24 dev pod9',
  'address add fd00:99::1/64 dev pod9 nodad',
  'link set pod9 down',
  'link set pod9 name other9',
  'link set other9 up',
  'link add br9 type bridge',
  'link set other9 master br9',
  'link set other9 nomaster',
  'route add 10.98.0.0/16 dev other9',
  'route replace default dev eth1',
  'address add 172.20.0.77/24 dev eth0',
  'address del 172.20.0.77/24 dev eth0',
  'link set other9 mtu 1400',
  'link del other9',
  'link del br9',
]

const families = ['IPv4', 'IPv6'] as const

for (const [name, directory, settings] of kinds) {
  test(`what the node itself does is no drift: ${name}`, async (t) => {
    const url = new URL(`../../../dataplanes/${directory}/test/under-test.ts`, import.meta.url)
    const { default: underTest } = (await import(url.href)) as { readonly default: DataplaneUnderTest }
    const { factory } = underTest
    const testbed = await createTestbed({ factory, settings, families, timeouts: timeoutsOf(1) })
    try {
      await testbed.driver.start()
      await new Fixture(testbed, place(0), 'IPv4', 'TCP').become({ endpoints: at('pod0', 'remote0') })
      await testbed.driver.sync()
      t.deepEqual(await testbed.driver.drift(), [])
      for (const event of events) {
        await testbed.lab.node.exec('ip', event.split(' '))
        t.deepEqual(await testbed.driver.drift(), [], event)
      }
    } finally {
      await testbed.close()
    }
  })
}
