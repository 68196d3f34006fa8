import { createLab, network } from '@portolan/lab'
import test from 'ava'
import { unpinDeadNodes } from '../kernel/pins.ts'
import { applied, nodeTable } from './applied-table.ts'
import { endpoint, nodePort, route } from './example-tables.ts'

test.after.always(unpinDeadNodes)

/* Routers that speak BGP without addresses of IPv4 on their links (RFC 8950) give IPv4 routes over IPv6 next hops. */

const far = '10.77.0.2'

test('an IPv4 endpoint behind an IPv6 next hop is reached', async (t) => {
  await using lab = await createLab()
  await lab.remote.exec('ip', ['address', 'add', `${far}/32`, 'dev', 'lo'])
  await lab.node.exec('ip', ['route', 'add', far, 'via', 'inet6', network.IPv6.remote, 'dev', 'eth1'])
  await using _ = await applied(
    lab.node,
    nodeTable(lab.node, 'IPv4', [route('a/b', [nodePort(30_080, true)], [endpoint(far)])]),
  )
  await lab.remote.serve('TCP', far, 8080)
  const to = { address: network.IPv4.node.uplink, port: 30_080 }
  const answer = await lab.outside.probe({ protocol: 'TCP', to, timeoutMs: 5000 })
  t.is(answer.result, 'answered')
})
