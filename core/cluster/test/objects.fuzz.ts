import assert from 'node:assert/strict'
import fc from 'fast-check'
import { parseNode } from '../parse-node.ts'
import { parseService } from '../parse-service.ts'
import { parseServiceCidr } from '../parse-service-cidr.ts'
import { parseSlice } from '../parse-slice.ts'
import type { Parsed } from '../parsed.ts'
import type { ClusterRecord } from '../records.ts'
import { anyObject, anyPart, oneOf } from './any-object.ts'

/** Whether the parser says of everything that it leaves out what it is, in few characters that no terminal acts on. */
function isTold({ key, problems, record }: Parsed<ClusterRecord>): void {
  if (record !== undefined) assert.equal(record.key, key)
  if (key === '') assert.ok(problems.length > 0)
  for (const problem of problems) {
    assert.ok(problem.value.length <= 80)
    assert.doesNotMatch(`${problem.object}${problem.value}`, /\p{Cc}/u)
    assert.notEqual(problem.fix, '')
  }
}

const told = (parse: (raw: unknown) => Parsed<ClusterRecord>) =>
  fc.property(oneOf(anyObject), (raw) => isTold(parse(raw)))

export const services = told(parseService)
export const slices = told(parseSlice)
export const nodes = told(parseNode)
export const serviceCidrs = told(parseServiceCidr)

/** What is right beside what isn't is kept. */
export const goodEndpoints = fc.property(fc.array(oneOf(anyPart), { maxLength: 5 }), (others) => {
  const good = ['10.1.0.1', '10.1.0.2'].map((address) => ({ addresses: [address] }))
  const parsed = parseSlice({
    metadata: { name: 'web-1', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [...others, { name: 'http', protocol: 'TCP', port: 8080 }],
    endpoints: [good[0], ...others, good[1]],
  })
  isTold(parsed)
  const addresses = parsed.record?.endpoints.map(({ address }) => String(address)) ?? []
  assert.ok(addresses[0] === '10.1.0.1' && addresses.at(-1) === '10.1.0.2')
})

export const goodAddresses = fc.property(fc.array(oneOf(anyPart), { maxLength: 5 }), (others) => {
  const parsed = parseService({
    metadata: { name: 'web', namespace: 'shop' },
    spec: {
      type: 'LoadBalancer',
      clusterIP: '10.96.0.10',
      externalIPs: [...others, '192.0.2.10'],
      ports: [...others, { name: 'good', port: 4711 }],
      loadBalancerSourceRanges: [...others, '203.0.113.0/24'],
    },
    status: { loadBalancer: { ingress: [...others, { ip: '198.51.100.10' }] } },
  })
  isTold(parsed)
  const kept = [
    ...(parsed.record?.externalIPs ?? []),
    ...(parsed.record?.ports.map(({ port }) => port) ?? []),
    ...(parsed.record?.sourceRanges ?? []),
    ...(parsed.record?.loadBalancerIPs ?? []),
  ] as unknown[]
  for (const good of ['192.0.2.10', 4711, '203.0.113.0/24', '198.51.100.10']) assert.ok(kept.includes(good))
})
