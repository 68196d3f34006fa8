import type { IpFamily } from '../../network/address.ts'
import { TableBuilder } from '../../table/builder/table-builder.ts'
import {
  address,
  cidr,
  exampleEndpoint,
  exampleService,
  exampleSlice,
} from '../../table/builder/test/example-records.ts'

/** For tests: a node with as many Services as are asked for, each with an endpoint, and one with a NodePort. */
export function knownNode(services: number) {
  const builder = new TableBuilder({
    family: 'IPv4',
    nodeName: 'here',
    podSource: { by: 'cidr', cidr: cidr('10.1.0.0/16') },
  })
  builder.setNode({
    kind: 'Node',
    key: 'here',
    zone: '',
    addresses: [address('192.168.0.2')],
    podCidrs: [],
  } as never)
  for (let index = 0; index < services; index++) {
    const key = `default/web-${index}`
    const [high, low] = [index >> 8, index & 255]
    builder.setService(
      exampleService({
        key,
        clusterIPs: [address(`10.96.${high}.${low}`)],
        ports: [{ name: '', protocol: 'TCP', port: 80, nodePort: index === 0 ? 30_080 : 0 }],
      }),
    )
    builder.setSlice(
      exampleSlice([exampleEndpoint(`10.1.${high}.${low}`)], { key: `${key}-a`, serviceKey: key }),
    )
  }
  builder.setLocalAddresses(new Set([address('192.168.0.2')]))
  builder.drain()
  return {
    nodeName: 'here',
    builders: [builder],
    families: ['IPv4'] as readonly IpFamily[],
    table: (family: IpFamily) => (family === 'IPv4' ? builder.table : undefined),
    progress: () => ({ inSyncAt: 1 }),
  }
}
