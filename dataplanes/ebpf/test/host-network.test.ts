import type { IpFamily } from '@portolan/core'
import { createLab, type Lab } from '@portolan/lab'
import test from 'ava'
import { unpinDeadNodes } from '../kernel/pins.ts'
import { applied, nodeTable } from './applied-table.ts'
import { endpoint, nodePort, route } from './example-tables.ts'

test.after.always(unpinDeadNodes)

/*
 * An endpoint at the node's own address: a pod in the host's network. Masquerade is for what leaves the node (it comes
 * at netfilter's postrouting with other dataplanes), so such an endpoint sees its clients, whatever the verdict says.
 */

const clients: Readonly<Record<string, (lab: Lab) => Lab['outside']>> = {
  'a client outside': ({ outside }) => outside,
  'a pod of this node': ({ pods }) => pods[0]!,
  'another node': ({ remote }) => remote,
}

for (const family of ['IPv4', 'IPv6'] as const) {
  for (const protocol of ['TCP', 'UDP'] as const) {
    test(`an endpoint on the node itself answers by ${protocol} and sees its clients, ${family}`, async (t) => {
      await using lab = await createLab()
      const own = ownAddress(lab, family)
      const one = route('a/b', [nodePort(30_080, true)], [endpoint(own)], { protocol })
      await using _ = await applied(lab.node, nodeTable(lab.node, family, [one]))
      await lab.node.serve(protocol, own, 8080)
      const to = { address: lab.node.addresses[family][0]!, port: 30_080 }
      for (const [name, clientOf] of Object.entries(clients)) {
        const client = clientOf(lab)
        const answer = await client.probe({ protocol, to, timeoutMs: 30_000 })
        t.deepEqual(
          answer.result === 'answered' ? [answer.host, answer.seen.address] : answer.result,
          ['node', client.addresses[family][0]],
          name,
        )
      }
    })
  }
}

/** Not the one that NodePorts answer at. */
function ownAddress({ node }: Lab, family: IpFamily): string {
  return node.addresses[family][1]!
}
