import { closeSync, readSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Address, addressBytes } from '@portolan/core'
import { createLab, remotePodAddress } from '@portolan/lab'
import { openTun } from '@portolan/native'
import test from 'ava'
import { unpinDeadNodes } from '../kernel/pins.ts'
import { applied, nodeTable } from './applied-table.ts'
import { endpoint, nodePort, route } from './example-tables.ts'
import { openMap } from './sabotage.ts'

test.after.always(unpinDeadNodes)

/** Frames with a VLAN's tag, as they come to the device that carries the VLAN. */

const client = '10.88.0.2' as Address
const own = '10.88.0.1' as Address
const clientMac = [2, 0, 0, 0, 0, 9]
const nodeMac = [2, 0, 0, 0, 0, 8]
const vlanProtocol = [0x81, 0]

for (const [claim, tag, isTranslated] of [
  ['without a tag is translated', [], true],
  ['with a tag of priority only is translated', [...vlanProtocol, 0x60, 0], true],
  ['of a VLAN is left to the device of the VLAN', [...vlanProtocol, 0, 100], false],
] as const) {
  test(`a frame ${claim}`, async (t) => {
    await using lab = await createLab({ pods: 1 })
    const link = openTun('tap0', lab.node.networkNamespace, 'tap')
    try {
      for (const args of [
        ['link', 'set', 'tap0', 'address', mac(nodeMac), 'up'],
        ['address', 'add', `${own}/24`, 'dev', 'tap0'],
        ['neighbour', 'add', client, 'lladdr', mac(clientMac), 'dev', 'tap0'],
      ])
        await lab.node.exec('ip', args)
      const remote = remotePodAddress('IPv4', 0)
      await lab.remote.serve('UDP', remote, 8080)
      const udp = route('a/b', [nodePort(30_080, true)], [endpoint(remote)], { protocol: 'UDP' })
      const wanted = nodeTable(lab.node, 'IPv4', [udp])
      const localAddresses = new Set([...wanted.localAddresses, own])
      await using _ = await applied(lab.node, {
        ...wanted,
        localAddresses,
        nodePortAddresses: new Set([own]),
      })
      writeSync(link, Buffer.concat([Buffer.from([...nodeMac, ...clientMac, ...tag, 8, 0]), datagram()]))
      const answer = await heard(link, isTranslated ? 60_000 : 300)
      const flows = [...openMap(lab.node.networkNamespace, 'flows').entries()].length
      t.deepEqual([flows, answer], isTranslated ? [2, true] : [0, false])
    } finally {
      closeSync(link)
    }
  })
}

function mac(bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':')
}

/** Whether the NodePort answers the client, without a tag. */
async function heard(link: number, milliseconds: number): Promise<boolean> {
  const frame = Buffer.alloc(65_536)
  for (const end = Date.now() + milliseconds; Date.now() < end; await sleep(5)) {
    try {
      readSync(link, frame)
      const isUdp = frame.readUInt16BE(12) === 0x0800 && frame[23] === 17
      if (isUdp && frame.subarray(30, 34).equals(addressBytes(client)) && frame.readUInt16BE(34) === 30_080)
        return true
    } catch {
      // Nothing more for now.
    }
  }
  return false
}

/** From the client's port 5000 to the NodePort, without a checksum of UDP. */
function datagram(): Buffer {
  const bytes = Buffer.alloc(32)
  bytes.set([0x45, 0, 0, bytes.length, 0, 0, 0, 0, 64, 17])
  bytes.set(addressBytes(client), 12)
  bytes.set(addressBytes(own), 16)
  let sum = 0
  for (let at = 0; at < 20; at += 2) sum += bytes.readUInt16BE(at)
  bytes.writeUInt16BE(~((sum & 0xffff) + (sum >>> 16)) & 0xffff, 10)
  bytes.writeUInt16BE(5000, 20)
  bytes.writeUInt16BE(30_080, 22)
  bytes.writeUInt16BE(12, 24)
  return bytes
}
