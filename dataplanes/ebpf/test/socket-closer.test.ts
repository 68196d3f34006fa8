import { setTimeout as sleep } from 'node:timers/promises'
import { parseSettings } from '@portolan/core'
import { createLab, remotePodAddress } from '@portolan/lab'
import { BpfObject, libbpf, readPrograms } from '@portolan/native/libbpf'
import test from 'ava'
import { nodeDirectory, unpinDeadNodes } from '../kernel/pins.ts'
import { SocketCloser } from '../kernel/socket-closer.ts'
import { memberKey } from '../layout/encode.ts'
import { bytesOf } from '../layout/observed-state.ts'
import { settings as declared, readSettings } from '../layout/settings.ts'
import { applied, nodeTable } from './applied-table.ts'
import { clusterIP, endpoint, route } from './example-tables.ts'
import { openMap } from './sabotage.ts'

test.after.always(unpinDeadNodes)

const vip = '10.96.0.1'

const connected = `
const socket = require('dgram').createSocket('udp4')
socket.on('error', (error) => { console.log(error.code); process.exit() })
socket.on('message', () => console.log('answered'))
socket.connect(80, '${vip}', () => socket.send('who'))
setTimeout(() => { console.log('still open'); process.exit() }, 240_000)`

test('what fails to be closed is told once, and closed when it can be', async (t) => {
  await using lab = await createLab()
  const { node } = lab
  const { networkNamespace } = node
  const served = endpoint(remotePodAddress('IPv4', 0))
  await lab.remote.serve('UDP', served.address, served.port)
  const udp = route('a/b', [clusterIP(vip)], [served], { protocol: 'UDP' })
  const { dataplane } = await applied(node, nodeTable(node, 'IPv4', [udp]))
  const client = node.exec(process.execPath, ['-e', connected])
  const peers = openMap(networkNamespace, 'peers')
  while ([...peers.entries()].length === 0) await sleep(20)
  await sleep(500)
  const pin = `${nodeDirectory(networkNamespace)}/later`
  const none = BpfObject.loadBlocking(readPrograms(), { maps: ['members'], programs: [] })
  const notices: string[] = []
  const settings = readSettings(parseSettings(declared, {}), networkNamespace)
  const pauses = { gather: 10, retry: 300, idle: 300 }
  const closer = new SocketCloser(settings, pin, none.map('members'), (one) => notices.push(one), pauses)
  closer.add([bytesOf(memberKey(1, 'cluster', served))])
  // Its thread has to start first.
  while (notices.length === 0) await sleep(20)
  await sleep(1000)
  t.is(notices.length, 1)
  t.regex(notices[0]!, /stay open; tried again: the map peers is not pinned/)
  t.is(Number(libbpf().bpf_obj_pin(peers.fd, pin)), 0)
  t.regex(String((await client).stdout), /answered\s+ECONNABORTED/)
  closer.stop()
  peers.close()
  none.close()
  await dataplane.cleanup()
})
