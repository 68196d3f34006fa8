import { type Address, addressBytes } from '@portolan/core'
import { createLab, type Lab, network, remotePodAddress } from '@portolan/lab'
import { listInterfaces } from '@portolan/native'
import test from 'ava'
import { unpinDeadNodes } from '../kernel/pins.ts'
import { applied, nodeTable } from './applied-table.ts'
import { endpoint, nodePort, route } from './example-tables.ts'

test.after.always(unpinDeadNodes)

/** Which of an interface's addresses is the source of masqueraded connections. */

const own = network.IPv6.node.remote

/** Added to the node's link to the endpoint, and so the first that the kernel lists. */
const added: readonly (readonly [string, string, readonly string[], boolean])[] = [
  ['the last that was added', 'fd00:172:21::5', ['nodad'], true],
  ['one whose last 32 bits are zero', 'fd00:172:21::1:0:0', ['nodad'], true],
  ['none that is deprecated', 'fd00:172:21::5', ['nodad', 'preferred_lft', '0', 'valid_lft', '1000'], false],
  [
    'none that expires beside one that stays',
    'fd00:172:21::5',
    ['nodad', 'preferred_lft', '900', 'valid_lft', '1000'],
    false,
  ],
]

for (const [claim, address, options, isChosen] of added) {
  test(`masquerade takes ${claim}`, async (t) => {
    await using lab = await createLab()
    await lab.node.exec('ip', ['address', 'add', `${address}/64`, 'dev', 'eth1', ...options])
    const remote = remotePodAddress('IPv6', 0)
    const one = route('a/b', [nodePort(30_080, true)], [endpoint(remote)])
    await using _ = await applied(lab.node, nodeTable(lab.node, 'IPv6', [one]))
    await lab.remote.serve('TCP', remote, 8080)
    const to = { address: network.IPv6.node.uplink, port: 30_080 }
    const answer = await lab.outside.probe({ protocol: 'TCP', to, timeoutMs: 30_000 })
    t.is(answer.result === 'answered' ? answer.seen.address : answer.result, isChosen ? address : own)
  })
}

test('an address that expires is taken where none stays', async (t) => {
  await using lab = await createLab()
  await lab.node.exec('ip', ['link', 'add', 'late0', 'type', 'veth', 'peer', 'name', 'late1'])
  const lifetime = ['preferred_lft', '900', 'valid_lft', '1000']
  for (const address of ['fd00:66::1/64', '10.66.0.1/24'])
    await lab.node.exec('ip', ['address', 'add', address, 'dev', 'late0', 'nodad', ...lifetime])
  const both = ['10.66.0.1', 'fd00:66::1'] as Address[]
  t.deepEqual(
    addressesOf(lab, 'late0'),
    both.map((address) => text(addressBytes(address))),
  )
})

function addressesOf({ node }: Lab, name: string): string[] {
  const one = listInterfaces(node.networkNamespace).find((some) => some.name === name)
  return (one?.addresses ?? []).map(text)
}

function text(address: Uint8Array): string {
  return Buffer.from(address).toString('hex')
}
