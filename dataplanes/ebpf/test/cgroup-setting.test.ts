import { mkdirSync, rmdirSync } from 'node:fs'
import type { Address } from '@portolan/core'
import { createLab, type Lab, remotePodAddress } from '@portolan/lab'
import test from 'ava'
import { findCgroup } from '../kernel/cgroup-root.ts'
import { unpinDeadNodes } from '../kernel/pins.ts'
import { applied, nodeTable } from './applied-table.ts'
import { clusterIP, endpoint, route } from './example-tables.ts'

test.after.always(unpinDeadNodes)

const vip = '10.96.0.1' as Address
const remote = remotePodAddress('IPv4', 0)

/** Joins a cgroup, connects to the Service, and says which port the endpoint sees it at. */
const client = `
const [cgroup, address] = process.argv.slice(1)
require('fs').writeFileSync(cgroup + '/cgroup.procs', String(process.pid))
const socket = require('net').connect(80, address)
socket.on('data', (data) => { console.log(JSON.parse(String(data)).seen.port); process.exit() })
setTimeout(() => process.exit(1), 60_000)`

/** Where the connection was led to its endpoint: masquerade of packets has ports of its own. */
async function askFrom({ node }: Lab, cgroup: string): Promise<'at the socket' | 'by packets'> {
  const { stdout } = await node.exec(process.execPath, ['-e', client, '--', cgroup, vip])
  return Number(stdout) < 61_000 ? 'at the socket' : 'by packets'
}

test('programs at sockets go from one cgroup to another with the setting', async (t) => {
  const parent = `${findCgroup()!}/portolan-test-${process.pid}`
  const [one, other] = [`${parent}/one`, `${parent}/other`] as const
  for (const cgroup of [parent, one, other]) mkdirSync(cgroup)
  try {
    await using lab = await createLab()
    await lab.remote.serve('TCP', remote, 8080)
    const served = nodeTable(lab.node, 'IPv4', [route('a/b', [clusterIP(vip)], [endpoint(remote)])])
    const first = await applied(lab.node, served, { cgroup: one })
    t.is(await askFrom(lab, one), 'at the socket')
    t.is(await askFrom(lab, other), 'by packets')
    await first.dataplane.stop()
    await using _ = await applied(lab.node, served, { cgroup: other })
    t.is(await askFrom(lab, one), 'by packets')
    t.is(await askFrom(lab, other), 'at the socket')
  } finally {
    for (const cgroup of [other, one, parent]) rmdirSync(cgroup)
  }
})
