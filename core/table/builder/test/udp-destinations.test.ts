import test from 'ava'
import { udpServersAt } from '../../udp-flows.ts'
import { TableBuilder } from '../table-builder.ts'
import { address, exampleEndpoint, examplePort, exampleService, exampleSlice } from './example-records.ts'

const port = { ...examplePort, protocol: 'UDP', port: 53 } as const

function service(name: 'a' | 'b', more: Partial<Parameters<typeof exampleService>[0]>) {
  const clusterIPs = [address(name === 'a' ? '10.96.0.1' : '10.96.0.2')]
  return exampleService({ key: `default/${name}`, clusterIPs, ports: [port], ...more })
}

test('an address that goes to another Service while flows are read is judged by that', (t) => {
  const builder = new TableBuilder({ family: 'IPv4', nodeName: 'here', podSource: { by: 'none' } })
  const shared = { externalIPs: [address('192.0.2.1')] }
  builder.setService(service('a', shared))
  builder.setService(service('b', {}))
  for (const [name, server] of [
    ['a', '10.1.0.1'],
    ['b', '10.1.0.2'],
  ])
    builder.setSlice(
      exampleSlice([exampleEndpoint(server!)], {
        key: `default/${name}-1`,
        serviceKey: `default/${name}`,
        ports: [{ name: '', protocol: 'UDP', port: 53 }],
      }),
    )
  builder.drain()
  const serversAt = udpServersAt(builder.table, builder.udpServers)
  const told = () =>
    ['10.96.0.1', '10.96.0.2', '192.0.2.1'].map((at) => {
      const lists = serversAt(address(at), 53)
      return `${at}=${lists.map((list) => list.map(({ address: server }) => server)).join('+')}`
    })
  t.deepEqual(told(), ['10.96.0.1=10.1.0.1', '10.96.0.2=10.1.0.2', '192.0.2.1=10.1.0.1'])
  builder.setService(service('a', {}))
  builder.setService(service('b', shared))
  builder.drain()
  t.deepEqual(told(), ['10.96.0.1=10.1.0.1', '10.96.0.2=10.1.0.2', '192.0.2.1=10.1.0.2'])
  builder.setService(service('b', {}))
  builder.drain()
  t.deepEqual(told(), ['10.96.0.1=10.1.0.1', '10.96.0.2=10.1.0.2', '192.0.2.1='])
})
