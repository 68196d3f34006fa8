import test from 'ava'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { type ClusterFile, parseClusterText } from '../cluster-file.ts'

/**
 * Where a field is, and that the API server would fill in just what is there: so it may as well be left out, or be
 * null, in a file that a person wrote.
 */
type Path = readonly (string | number)[]

interface FullObject {
  readonly object: object
  readonly defaulted: readonly Path[]
}

const label = fc.stringMatching(/^[a-z]([-a-z0-9]{0,8}[a-z0-9])?$/)
const portNumber = fc.integer({ min: 1, max: 65_535 })
const octet = fc.integer({ min: 1, max: 254 })

const servicePort = (index: number, only: boolean, nodePort: boolean) =>
  fc.record({ name: label, port: portNumber }).map(({ name, port }) => ({
    // A single port needs no name, and then the API's default is the empty one.
    port: {
      ...{ name: only ? '' : `${name}${index}`, protocol: 'TCP', port, targetPort: port },
      ...(nodePort ? { nodePort: 30_000 + index } : {}),
    },
    defaulted: [...(only ? ['name'] : []), 'protocol', 'targetPort'].map((field) => [index, field] as const),
  }))

const service: fc.Arbitrary<FullObject> = fc
  .record({
    name: label,
    address: octet,
    type: fc.constantFrom('ClusterIP', 'NodePort', 'LoadBalancer'),
    affinity: fc.constantFrom('None', 'ClientIP'),
    count: fc.integer({ min: 1, max: 3 }),
    external: fc.boolean(),
  })
  .chain(({ count, type, ...rest }) =>
    fc
      .tuple(
        ...Array.from({ length: count }, (_, index) => servicePort(index, count === 1, type !== 'ClusterIP')),
      )
      .map((ports) => ({ ...rest, type, ports })),
  )
  .map(({ name, address, type, affinity, ports, external }) => {
    const clusterIP = `10.96.0.${address}`
    const isClientIP = affinity === 'ClientIP'
    return {
      object: {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name, namespace: 'default', labels: {} },
        spec: {
          ...{
            type,
            clusterIP,
            clusterIPs: [clusterIP],
            ipFamilies: ['IPv4'],
            ipFamilyPolicy: 'SingleStack',
          },
          ...{
            internalTrafficPolicy: 'Cluster',
            externalTrafficPolicy: 'Cluster',
            sessionAffinity: affinity,
          },
          ...(isClientIP ? { sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } } } : {}),
          ports: ports.map(({ port }) => port),
          externalIPs: external ? ['192.0.2.7'] : [],
        },
        status: {
          loadBalancer: { ingress: type === 'LoadBalancer' ? [{ ip: '203.0.113.9', ipMode: 'VIP' }] : [] },
        },
      },
      defaulted: [
        ...[['apiVersion'], ['metadata', 'namespace'], ['metadata', 'labels']],
        ...(type === 'ClusterIP' ? [['spec', 'type']] : []),
        ...['clusterIPs', 'ipFamilies', 'ipFamilyPolicy', 'internalTrafficPolicy'].map((field) => [
          'spec',
          field,
        ]),
        ['spec', 'externalTrafficPolicy'],
        ...(isClientIP
          ? [
              ['spec', 'sessionAffinityConfig'],
              ['spec', 'sessionAffinityConfig', 'clientIP'],
              ['spec', 'sessionAffinityConfig', 'clientIP', 'timeoutSeconds'],
            ]
          : [['spec', 'sessionAffinity']]),
        ...ports.flatMap(({ defaulted }) => defaulted.map((path) => ['spec', 'ports', ...path])),
        ...(external ? [] : [['spec', 'externalIPs']]),
        ...(type === 'LoadBalancer'
          ? [['status', 'loadBalancer', 'ingress', 0, 'ipMode']]
          : [['status'], ['status', 'loadBalancer'], ['status', 'loadBalancer', 'ingress']]),
      ],
    }
  })

const slice: fc.Arbitrary<FullObject> = fc
  .record({
    name: label,
    service: label,
    version: fc.constantFrom('v1', 'v1beta1'),
    addresses: fc.uniqueArray(octet, { maxLength: 3 }),
    ports: fc.array(fc.record({ port: portNumber, name: fc.option(label, { nil: '' }) }), { maxLength: 3 }),
  })
  .map(({ name, service: owner, version, addresses, ports }) => ({
    object: {
      apiVersion: `discovery.k8s.io/${version}`,
      kind: 'EndpointSlice',
      metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': owner } },
      addressType: 'IPv4',
      ports: ports.map(({ port, name: portName }) => ({
        name: portName,
        protocol: 'TCP',
        port,
        appProtocol: null,
      })),
      endpoints: addresses.map((last) => ({
        addresses: [`10.244.0.${last}`],
        conditions: { ready: true, serving: true, terminating: false },
        hints: { forZones: [] },
        nodeName: '',
      })),
    },
    defaulted: [
      ...[['apiVersion'], ['metadata', 'namespace']],
      ...(ports.length === 0 ? [['ports']] : []),
      ...(addresses.length === 0 ? [['endpoints']] : []),
      ...ports.flatMap(({ name: portName }, index) => [
        ...(portName === '' ? [['ports', index, 'name']] : []),
        ['ports', index, 'protocol'],
      ]),
      ...addresses.flatMap((_, index) =>
        [
          ...[['conditions'], ['hints'], ['nodeName'], ['hints', 'forZones']],
          ...['ready', 'serving', 'terminating'].map((field) => ['conditions', field]),
        ].map((path) => ['endpoints', index, ...path]),
      ),
    ],
  }))

const writtenByHand = fc.oneof(service, slice).chain(({ object, defaulted }) =>
  fc.record({
    object: fc.constant(object),
    omitted: fc.subarray([...defaulted]),
    // Null is how YAML writes a field that is left empty.
    asNull: fc.boolean(),
    as: fc.constantFrom(...Object.keys(writers)),
  }),
)

/** The ways in which kubectl and people write an object. */
const writers: Readonly<Record<string, (object: { readonly kind?: unknown }) => string>> = {
  yaml: (object) => stringify(object),
  json: (object) => JSON.stringify(object),
  list: (object) => stringify({ apiVersion: 'v1', kind: 'List', items: [object] }),
  'json list': (object) => JSON.stringify({ kind: 'List', apiVersion: 'v1', items: [object] }, null, 2),
  'typed list': ({ kind, ...item }) => JSON.stringify({ kind: `${kind}List`, items: [item] }),
  documents: (object) => `---\n${stringify(object)}---\n# nothing more\n`,
}

function without(object: object, path: Path, asNull: boolean): object {
  const copy = structuredClone(object)
  const last = path.at(-1) ?? ''
  let at = copy as Record<string | number, unknown>
  for (const step of path.slice(0, -1)) {
    const next = at[step]
    // Its parent is left out already.
    if (typeof next !== 'object' || next === null) return copy
    at = next as Record<string | number, unknown>
  }
  if (asNull) at[last] = null
  else delete at[last]
  return copy
}

const contentOf = ({ records, problems }: ClusterFile) => ({ records: [...records], problems })

test('an object without any of the fields that the API defaults is the same as with them', async (t) => {
  let omitted = 0
  await fc.assert(
    fc.asyncProperty(writtenByHand, async ({ object, omitted: paths, asNull, as }) => {
      const sparse = paths.reduce((rest: object, path) => without(rest, path, asNull), object)
      const full = contentOf(await parseClusterText(JSON.stringify(object), 'full.json'))
      t.is(full.records.length, 1)
      t.deepEqual(full.problems, [])
      t.deepEqual(contentOf(await parseClusterText(writers[as]!(sparse), `sparse ${as}`)), full)
      omitted += paths.length
    }),
    { numRuns: 1500 },
  )
  t.true(omitted > 1500, 'fields were left out')
})
