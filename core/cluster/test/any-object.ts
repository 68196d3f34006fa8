import fc from 'fast-check'

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
export const oneOf = (values: fc.Arbitrary<unknown>) => fc.oneof(anything, values)
const fields = (names: readonly string[], value: fc.Arbitrary<unknown>) =>
  oneOf(fc.dictionary(fc.constantFrom(...names, '__proto__', 'constructor'), value))
const list = (value: fc.Arbitrary<unknown>) => oneOf(fc.array(value, { maxLength: 3 }))

export const anyPart = fields(
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
export const anyObject = fc.record(
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
      list(anyPart),
    ),
    status: fields(['loadBalancer', 'addresses'], oneOf(anyPart)),
    addressType: oneOf(fc.constantFrom('IPv4', 'IPv6', 'FQDN')),
    ports: list(anyPart),
    endpoints: list(anyPart),
  },
  { requiredKeys: [] },
)
