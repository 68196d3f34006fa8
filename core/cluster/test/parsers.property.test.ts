import test from 'ava'
import fc from 'fast-check'
import { parseNode } from '../parse-node.ts'
import { parseService } from '../parse-service.ts'
import { parseServiceCidr } from '../parse-service-cidr.ts'
import { parseSlice } from '../parse-slice.ts'

const parsers = { parseService, parseSlice, parseNode, parseServiceCidr }

/** Values that stand where an object, a list, a number or a word should. */
const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(
    null,
    undefined,
    -1,
    70_000,
    1.5,
    Number.NaN,
    '',
    '10.0.0.1',
    'fd00::1',
    '::ffff:1.2.3.4',
    '10.0.0.0/8',
    '0.0.0.0/0',
    '\u001b[0m',
    '__proto__',
    'x'.repeat(10_000),
  ),
)
const oneOf = (values: fc.Arbitrary<unknown>) => fc.oneof(anything, values)
const fields = (names: readonly string[], value: fc.Arbitrary<unknown>) =>
  oneOf(fc.dictionary(fc.constantFrom(...names, '__proto__', 'constructor'), value))
const list = (value: fc.Arbitrary<unknown>) => oneOf(fc.array(value, { maxLength: 3 }))

const inner = fields(
  [
    'name',
    'port',
    'protocol',
    'nodePort',
    'addresses',
    'conditions',
    'ready',
    'hints',
    'forZones',
    'nodeName',
    'ip',
    'ipMode',
    'ingress',
    'type',
    'address',
    'clientIP',
    'timeoutSeconds',
  ],
  oneOf(list(anything)),
)
const object = fc.record(
  {
    metadata: oneOf(
      fc.record(
        {
          name: oneOf(fc.constant('a')),
          namespace: oneOf(fc.constant('b')),
          labels: oneOf(fc.constant({ 'kubernetes.io/service-name': 'a' })),
          annotations: anything,
          creationTimestamp: anything,
        },
        { requiredKeys: ['name'] },
      ),
    ),
    spec: fields(
      [
        'clusterIP',
        'clusterIPs',
        'ipFamilies',
        'type',
        'ports',
        'externalIPs',
        'loadBalancerSourceRanges',
        'sessionAffinity',
        'sessionAffinityConfig',
        'internalTrafficPolicy',
        'externalTrafficPolicy',
        'healthCheckNodePort',
        'cidrs',
        'podCIDRs',
      ],
      list(inner),
    ),
    status: fields(['loadBalancer', 'addresses'], oneOf(inner)),
    addressType: oneOf(fc.constantFrom('IPv4', 'IPv6', 'FQDN')),
    ports: list(inner),
    endpoints: list(inner),
  },
  { requiredKeys: [] },
)

for (const [name, parse] of Object.entries(parsers)) {
  test(`${name} never throws, and names object, field and fix of whatever it leaves out`, (t) => {
    fc.assert(
      fc.property(oneOf(object), (raw) => {
        const { key, problems, record } = parse(raw)
        if (record !== undefined) t.is(record.key, key)
        if (key === '') t.true(problems.length > 0)
        for (const problem of problems) {
          t.true(problem.value.length <= 80)
          t.notRegex(`${problem.object}${problem.value}`, /\p{Cc}/u)
          t.not(problem.fix, '')
        }
      }),
      { numRuns: 2000 },
    )
    t.pass()
  })

  test(`${name} keeps no part of what it was given`, (t) => {
    fc.assert(
      fc.property(oneOf(object), (raw) => {
        const parts = new Set<unknown>()
        collect(raw, parts)
        const kept = new Set<unknown>()
        collect(parse(raw).record, kept)
        t.deepEqual(
          [...kept].filter((part) => parts.has(part)),
          [],
        )
      }),
      { numRuns: 500 },
    )
    t.pass()
  })
}

function collect(value: unknown, into: Set<unknown>): void {
  if (typeof value !== 'object' || value === null || into.has(value)) return
  into.add(value)
  for (const part of Object.values(value)) collect(part, into)
}
