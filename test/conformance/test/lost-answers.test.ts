import nftables from '@portolan/dataplane-nftables'
import test from 'ava'
import { targetOf } from '../case-objects.ts'
import { runCheck } from '../check.ts'
import { Fixture } from '../fixture.ts'
import { serveInternet } from '../internet.ts'
import { at } from '../matrix-case.ts'
import { place } from '../place.ts'
import { createTestbed } from '../testbed.ts'
import { timeoutsOf } from '../timeouts.ts'

test('of answers that did not come it is told how others fared, and what the kernel knows', async (t) => {
  const [family, protocol] = ['IPv4', 'TCP'] as const
  const testbed = await createTestbed({
    factory: nftables,
    settings: {},
    families: [family],
    timeouts: timeoutsOf(),
  })
  try {
    await serveInternet(testbed)
    await testbed.driver.start()
    const fixture = new Fixture(testbed, place(0), family, protocol)
    await fixture.become({ endpoints: at('remote0', 'remote1') })
    const address = place(0).externalIP[family]
    // Half of the connections are lost on their way, with every SYN, as with an unreachable endpoint.
    for (const command of [
      'add table ip somebody',
      'add chain ip somebody lose { type filter hook prerouting priority -300 ; }',
      `add rule ip somebody lose ip daddr ${address} jhash tcp sport mod 2 seed 0x1 == 0 drop`,
    ])
      await testbed.lab.node.exec('/usr/sbin/nft', [command])
    const check = {
      client: 'outside',
      origin: testbed.origin('outside', family),
      protocol,
      family,
      testbed,
      ...targetOf('ExternalIP', place(0), family),
    } as const
    const [failure = ''] = await runCheck(check, testbed.cluster.table(family))
    t.log(failure)
    t.regex(failure, /timeout \(\d+ of 14 tries, after 0 good ones\)/)
    t.regex(failure, /\n {4}asked again, \d+ of 14 tries were answered, after \d+ to \d+ ms/)
    t.regex(failure, /\n {4}past any Service: answered after \d+ ms, answered/)
    t.notRegex(failure, /too busy/)
    t.regex(failure, /\n {4}connection tracking, by CPU: .*entries=\d+/)
  } finally {
    await testbed.close()
  }
})
