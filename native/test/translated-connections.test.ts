import { ConntrackEntries, type ConntrackEntry, createLab } from '@portolan/lab'
import test from 'ava'
import { countConnectionsOfIpvs, countTranslatedConnections } from '../netfilter/index.ts'

const addresses = {
  IPv4: { client: '10.1.0.9', service: '10.96.0.10', endpoint: '10.1.1.2' },
  IPv6: {
    client: 'fd00:10:1:0:0:0:0:9',
    service: 'fd00:10:96:0:0:0:0:10',
    endpoint: 'fd00:10:1:1:0:0:0:2',
  },
} as const

for (const family of ['IPv4', 'IPv6'] as const)
  test(`${family}: connections of IPVS are those that are answered from elsewhere, and that no NAT translates`, async (t) => {
    await using lab = await createLab({ pods: 1 })
    const { networkNamespace } = lab.node
    const { client, service, endpoint } = addresses[family]
    const entries = new ConntrackEntries(family, networkNamespace)
    const entry = (protocol: ConntrackEntry['protocol'], port: number, server?: string): ConntrackEntry => ({
      ...{ protocol, source: `${client} ${port}`, destination: `${service} 80` },
      ...(server === undefined ? {} : { server }),
    })
    entries.add([
      entry('TCP', 1001, `${endpoint} 8080`),
      entry('TCP', 1002, `${service} 8080`),
      entry('TCP', 1003),
      entry('UDP', 1004, `${endpoint} 8080`),
    ])
    t.is(await countConnectionsOfIpvs(family, networkNamespace), 2)
    t.is(await countTranslatedConnections(family, networkNamespace), 0)
    entries.removeAll()
    t.is(await countConnectionsOfIpvs(family, networkNamespace), 0)
    entries.close()
  })
