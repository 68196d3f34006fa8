import test from 'ava'
import type { ServicePort, SliceEndpoint } from '../../../cluster/records.ts'
import type { HealthCheck } from '../health-check-ports.ts'
import { TableBuilder } from '../table-builder.ts'
import { address, exampleEndpoint, exampleService, exampleSlice } from './example-records.ts'

function bench() {
  const told: (readonly [string, HealthCheck | undefined])[] = []
  const builder = new TableBuilder({
    family: 'IPv4',
    nodeName: 'here',
    podSource: { by: 'none' },
    onHealthCheck: (service, check) => void told.push([service, check]),
  })
  const drain = () => {
    told.length = 0
    builder.drain()
    return [...told]
  }
  return { builder, drain }
}

const here = (text: string, conditions: Partial<SliceEndpoint> = {}) =>
  exampleEndpoint(text, { nodeName: 'here', ...conditions })

interface Row {
  readonly claim: string
  readonly endpoints: readonly SliceEndpoint[]
  readonly count: number
}

const rows: readonly Row[] = [
  { claim: 'none without endpoints', endpoints: [], count: 0 },
  {
    claim: 'ready ones on this node, not those elsewhere or nowhere',
    endpoints: [here('10.1.0.1'), exampleEndpoint('10.1.0.2'), exampleEndpoint('10.1.0.3', { nodeName: '' })],
    count: 1,
  },
  {
    claim: 'no terminating one, even while it alone is served',
    endpoints: [here('10.1.0.1', { ready: false, serving: true, terminating: true })],
    count: 0,
  },
  { claim: 'no unready one', endpoints: [here('10.1.0.1', { ready: false, serving: false })], count: 0 },
]

for (const { claim, endpoints, count } of rows) {
  test(`a health check counts local endpoints: ${claim}`, (t) => {
    const { builder, drain } = bench()
    builder.setService(exampleService({ healthCheckNodePort: 32000 }))
    builder.setSlice(exampleSlice(endpoints, { family: 'IPv4' }))
    t.deepEqual(drain(), [['default/web', { port: 32000, localEndpoints: count }]])
  })
}

const port = (name: string): ServicePort => ({ name, protocol: 'TCP', port: name.length, nodePort: 0 })

test('an address counts once, in however many ports and slices of the Service it is', (t) => {
  const { builder, drain } = bench()
  builder.setService(exampleService({ healthCheckNodePort: 32000, ports: [port('a'), port('bb')] }))
  const slice = (name: string, portName: string, ...endpoints: SliceEndpoint[]) =>
    builder.setSlice(
      exampleSlice(endpoints, {
        key: `default/${name}`,
        ports: [{ name: portName, protocol: 'TCP', port: 8080 }],
      }),
    )
  slice('one', 'a', here('10.1.0.1'), here('10.1.0.2'))
  slice('two', 'bb', here('10.1.0.2'), here('10.1.0.3'))
  slice('three', 'not-of-the-service', here('10.1.0.4'))
  t.deepEqual(drain(), [['default/web', { port: 32000, localEndpoints: 3 }]])
})

test('a change is told once, when the table is drained, and what is the same is not', (t) => {
  const { builder, drain } = bench()
  const service = exampleService({ healthCheckNodePort: 32000 })
  builder.setService(service)
  builder.setSlice(exampleSlice([here('10.1.0.1')]))
  t.is(drain().length, 1)
  builder.setSlice(exampleSlice([here('10.1.0.1'), exampleEndpoint('10.1.0.2')]))
  t.deepEqual(drain(), [])
  builder.setSlice(exampleSlice([here('10.1.0.1', { ready: false, terminating: true })]))
  t.deepEqual(drain(), [['default/web', { port: 32000, localEndpoints: 0 }]])
  builder.setService({ ...service, healthCheckNodePort: 32001 })
  t.deepEqual(drain(), [['default/web', { port: 32001, localEndpoints: 0 }]])
  builder.setService({ ...service, healthCheckNodePort: 0 })
  t.deepEqual(drain(), [['default/web', undefined]])
  builder.setService(service)
  builder.removeService(service.key)
  t.deepEqual(drain(), [])
  builder.setService(service)
  drain()
  builder.setService({ ...service, clusterIPs: [address('fd00:96::1')] })
  t.deepEqual(drain(), [['default/web', undefined]], 'it has left this family')
})
