import { frontend, internal } from '@portolan/conformance/example-tables'
import { frontendKey, parseSettings } from '@portolan/core'
import { formatProbability, readSavedRules } from '@portolan/native/netfilter'
import test from 'ava'
import fc from 'fast-check'
import { type DispatchEdit, DispatchTree, rulesOf } from '../compile/dispatch-tree.ts'
import { DriftDetector } from '../kernel/drift-detector.ts'
import { sourceIsDestination } from '../layout/base-chains.ts'
import { isOurChain } from '../layout/chain-names.ts'
import { dispatchPath } from '../layout/dispatch-path.ts'
import { probability } from '../layout/probability.ts'
import { settings as declared } from '../layout/settings.ts'

test('with any number of endpoints each is taken with the same chance, to 2^-31 for each that comes before it', (t) => {
  for (const count of [1, 2, 3, 7, 10, 100, 1000]) {
    let left = 1
    for (let index = 0; index < count; index++) {
      const chance = Number(probability(index, count) ?? 1)
      t.true(Math.abs(left * chance - 1 / count) < count * 2 ** -31)
      left *= 1 - chance
    }
    t.is(left, 0)
  }
})

test('a chance as any version of iptables-save prints it is read as the same number', (t) => {
  for (const text of ['0.33333333349', '0.333333333489', '0.3333333335'])
    t.is(formatProbability(Number(text)), '0.33333333349')
})

/** Runs classic BPF as far as the program for hairpin needs it. */
function runBpf(bytecode: string, packet: Buffer): number {
  const [, ...instructions] = bytecode.split(',').map((one) => one.split(' ').map(Number))
  let [accumulator, index] = [0, 0]
  for (let at = 0; at < instructions.length; at++) {
    const [code, yes = 0, no = 0, value = 0] = instructions[at]!
    if (code === 32) accumulator = packet.readUInt32BE(value)
    else if (code === 7) index = accumulator
    else if (code === 29) at += accumulator === index ? yes : no
    else return value
  }
  throw new Error('the program does not end')
}

test('the program for hairpin matches when source and destination are the same, and only then', (t) => {
  for (const [family, at, length] of [
    ['IPv4', 12, 4],
    ['IPv6', 8, 16],
  ] as const) {
    const bytecode = /"(.*)"/.exec(sourceIsDestination(family))![1]!
    t.is(bytecode.split(',').length - 1, Number(bytecode.split(',')[0]))
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: length, maxLength: length }),
        fc.nat(length),
        (address, other) => {
          const packet = Buffer.alloc(40)
          packet.set(address, at)
          packet.set(address, at + length)
          if (other < length) packet[at + length + other]! ^= 1
          return runBpf(bytecode, packet) > 0 === (other === length)
        },
      ),
    )
  }
})

const paths: readonly (readonly [string | undefined, number, readonly string[]])[] = [
  [
    '10.96.1.10',
    80,
    [
      'PORTOLAN-IP -d 0.0.0.2/0.0.0.7 -g PORTOLAN-IP-2',
      'PORTOLAN-IP-2 -d 0.0.0.10/0.0.0.63 -g PORTOLAN-IP-12',
      'PORTOLAN-IP-12 -d 0.0.1.10/0.0.1.255 -g PORTOLAN-IP-412',
    ],
  ],
  [
    'fd00::40',
    80,
    [
      'PORTOLAN-IP -d ::/::7 -g PORTOLAN-IP-0',
      'PORTOLAN-IP-0 -d ::/::3f -g PORTOLAN-IP-00',
      'PORTOLAN-IP-00 -d ::40/::1ff -g PORTOLAN-IP-100',
    ],
  ],
  [
    undefined,
    30080,
    [
      'PORTOLAN-TCP -p tcp -m tcp --dport 28672:32767 -g PORTOLAN-TCP-7',
      'PORTOLAN-TCP-7 -p tcp -m tcp --dport 29952:30207 -g PORTOLAN-TCP-75',
      'PORTOLAN-TCP-75 -p tcp -m tcp --dport 30080:30095 -g PORTOLAN-TCP-758',
    ],
  ],
]

for (const [address, port, steps] of paths) {
  test(`${address ?? 'a NodePort'} is found by its own bits`, (t) => {
    const kind = address === undefined ? 'NodePort' : 'ClusterIP'
    const path = dispatchPath(frontend(kind, address, port, internal), 'TCP')
    t.deepEqual(
      path.map(({ chain, rule }) => `${chain} ${rule}`),
      steps,
    )
  })
}

test('after any history a tree is what its destinations give from nothing', (t) => {
  const edit = fc.record({ port: fc.nat(400), present: fc.boolean(), rule: fc.constantFrom('a', 'b') })
  fc.assert(
    fc.property(fc.array(fc.array(edit, { maxLength: 8 }), { maxLength: 12 }), (history) => {
      const tree = new DispatchTree()
      const wanted = new Map<number, DispatchEdit>()
      const toEdit = (port: number, rules?: readonly string[]): DispatchEdit => ({
        path: dispatchPath(frontend('NodePort', undefined, port * 150, internal), 'TCP'),
        key: frontendKey(undefined, 'TCP', port * 150),
        ...(rules === undefined ? {} : { rules }),
      })
      for (const batch of history) {
        const unique = new Map(batch.map((one) => [one.port, one]))
        const edits = [...unique.values()].flatMap(({ port, present, rule }) => {
          if (present) return [toEdit(port, [rule])]
          return wanted.has(port) ? [toEdit(port)] : []
        })
        for (const one of edits) {
          const port = Number(one.key.split('|')[2]) / 150
          if (one.rules === undefined) wanted.delete(port)
          else wanted.set(port, one)
        }
        tree.commit(tree.propose(edits))
      }
      const fresh = new DispatchTree()
      fresh.commit(fresh.propose(wanted.values()))
      const text = (some: DispatchTree) =>
        [...some.nodes].map(([chain, node]) => `${chain}: ${rulesOf(node!).join('; ')}`).sort()
      t.deepEqual(text(tree), text(fresh))
    }),
  )
})

test('reading keeps to our own chains and to what leads to them', (t) => {
  const tables = readSavedRules(
    [
      '*nat',
      ':PREROUTING ACCEPT [1:60]',
      ':KUBE-SERVICES - [0:0]',
      ':PORTOLAN-IP - [0:0]',
      '-A PREROUTING -j KUBE-SERVICES',
      '-A PREROUTING ! -d 127.0.0.0/8 -j PORTOLAN-SERVICES',
      '-A KUBE-SERVICES -j ACCEPT',
      '-A PORTOLAN-IP -d 0.0.0.2/0.0.0.7 -g PORTOLAN-IP-2',
      'COMMIT',
    ].join('\n'),
    isOurChain,
  )
  const { chains, jumps } = tables.get('nat')!
  t.deepEqual(chains, new Map([['PORTOLAN-IP', ['-d 0.0.0.2/0.0.0.7 -g PORTOLAN-IP-2']]]))
  t.deepEqual(jumps, ['PREROUTING ! -d 127.0.0.0/8 -j PORTOLAN-SERVICES'])
})

for (const [settings, message] of [
  [{ variant: 'both' }, /option variant: "both" is not one of legacy, nft/],
  [{ comments: 'maybe' }, /option comments: "maybe" is not yes or no/],
  [{ colour: 'blue' }, /unknown option colour; known: variant, comments/],
] as const) {
  test(`${JSON.stringify(settings)} is refused with what it may be`, (t) => {
    t.throws(() => parseSettings(declared, settings), { instanceOf: RangeError, message })
  })
}

test('what changes while it is looked at fails no apply, and is read back', async (t) => {
  let shape: string | undefined = 'a'
  const fingerprint = { generation: () => undefined, shape: () => shape, close: () => {} }
  const driftDetector = new DriftDetector(fingerprint, () => 0)
  const read = () => driftDetector.reading('IPv4', async () => {})
  await read()
  t.true(await driftDetector.isQuiet('IPv4'))
  await driftDetector.applying('IPv4', async () => {
    shape = undefined
    return { transactions: 1 }
  })
  shape = 'b'
  t.false(await driftDetector.isQuiet('IPv4'))
  shape = undefined
  await read()
  t.false(await driftDetector.isQuiet('IPv4'))
  shape = 'b'
  t.false(await driftDetector.isQuiet('IPv4'))
  await read()
  t.true(await driftDetector.isQuiet('IPv4'))
})

test('a family is quiet until another tool commits, its shape changes, or a minute is over', async (t) => {
  let [generation, shape, now] = [5, 'a', 0]
  const fingerprint = { generation: () => generation, shape: () => shape, close: () => {} }
  const driftDetector = new DriftDetector(fingerprint, () => now)
  t.false(await driftDetector.isQuiet('IPv4'))
  const read = () => driftDetector.reading('IPv4', async () => {})
  await read()
  t.true(await driftDetector.isQuiet('IPv4'))
  await driftDetector.applying('IPv6', async () => {
    generation += 2
    return { transactions: 2 }
  })
  t.true(await driftDetector.isQuiet('IPv4'))
  generation += 1
  t.false(await driftDetector.isQuiet('IPv4'))
  await read()
  shape = 'b'
  t.false(await driftDetector.isQuiet('IPv4'))
  await read()
  now += 60_001
  t.false(await driftDetector.isQuiet('IPv4'))
})
