import { SettingError } from '@portolan/core'
import test from 'ava'
import { serverFlags } from '../layout/settings.ts'
import { parsedSettings } from './parsed-settings.ts'

const refusals: readonly (readonly [Record<string, string>, RegExp])[] = [
  [{ schedular: 'rr' }, /unknown option schedular; known: transport, scheduler/],
  [{ scheduler: 'random' }, /scheduler: "random" is not one of rr, wrr, lc, wlc, sh, mh, sed, nq/],
  [{ 'scheduler-flags': 'sh-port' }, /sh-port is of scheduler sh, and the scheduler is rr/],
  [{ scheduler: 'sh', 'scheduler-flags': 'port' }, /"port" is not sh-fallback\|sh-port/],
  [{ 'exclude-cidrs': '192.0.2.0/33' }, /"192\.0\.2\.0\/33" is not a CIDR/],
  [{ 'route-mark-bit': '14' }, /14 is the masquerade bit/],
  [{ 'route-mark-bit': '24' }, /"24" is not a whole number from 0 to 23/],
  [{ 'udp-timeout': '2147484' }, /udp-timeout: "2147484" is not a whole number from 0 to 2147483/],
  [{ 'tcp-timeout': '1h' }, /tcp-timeout: "1h" is not a whole number/],
  [{ transport: 'carrier-pigeon' }, /transport: "carrier-pigeon" is not one of netlink, ipvsadm/],
]

for (const [settings, words] of refusals) {
  test(`${JSON.stringify(settings)} is refused with the fix`, (t) => {
    t.throws(() => parsedSettings(settings, 14), { instanceOf: SettingError, message: words })
  })
}

test('a masquerade bit in the marks of virtual servers is refused with the fix', (t) => {
  for (const bit of [24, 31])
    t.throws(() => parsedSettings({}, bit), { instanceOf: SettingError, message: /take one from 0 to 23/ })
  t.is(parsedSettings({}, 23).routeMarkBit, 13)
})

test('without settings it is rr by netlink, and the route mark is beside the masquerade mark', (t) => {
  const settings = parsedSettings({}, 14)
  t.like(settings, { scheduler: 'rr', transport: 'netlink', routeMarkBit: 13, excludeCidrs: [] })
  t.is(parsedSettings({}, 13).routeMarkBit, 12)
})

test('with sh and mh, clients of a destination that drains always fall back to another one', (t) => {
  const flags = (settings: Record<string, string>) => serverFlags(parsedSettings(settings, 14))
  t.is(flags({ scheduler: 'sh' }), 0x28)
  t.is(flags({ scheduler: 'sh', 'scheduler-flags': 'sh-port' }), 0x38)
  t.is(flags({ scheduler: 'mh' }), 0x28)
  t.is(flags({ scheduler: 'lc' }), 0x20)
})

test('several scheduler flags and CIDRs may be given', (t) => {
  const settings = parsedSettings(
    {
      scheduler: 'mh',
      'scheduler-flags': 'mh-port, mh-fallback',
      'exclude-cidrs': '192.0.2.0/24,2001:db8::/32',
    },
    14,
  )
  t.is(settings.schedulerFlags, 0x18)
  t.deepEqual(settings.excludeCidrs.map(String), ['192.0.2.0/24', '2001:db8::/32'])
})
