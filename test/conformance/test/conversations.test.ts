/** The scripts of conversations: how they are generated, compared and shrunk; and whether they find who interferes. */
import nftables from '@portolan/dataplane-nftables'
import test from 'ava'
import fc from 'fast-check'
import {
  type Conversation,
  conversationOf,
  describeScript,
  type Script,
} from '../conversations/conversation.ts'
import { fuzzConversations } from '../conversations/fuzz.ts'
import { generateScript, type Limits, mayMeet } from '../conversations/generate.ts'
import { shrink } from '../conversations/shrink.ts'
import { TwinLabs } from '../conversations/twin-labs.ts'
import { runConformance } from '../index.ts'
import type { InterferenceName } from '../mutants/interferences.ts'
import { mutantFactory } from '../mutants/mutant-factory.ts'
import { Random } from '../random.ts'
import { timeoutsOf } from '../timeouts.ts'

const limits = fc.record({
  protocols: fc.constantFrom(['TCP', 'UDP'] as const, ['TCP'] as const, ['UDP'] as const),
  sharesPortsAtOnce: fc.boolean(),
  sharesPorts: fc.boolean(),
  usesServicePorts: fc.boolean(),
  fragmentsOfNode: fc.boolean(),
  asks: fc.constant(() => true),
}) satisfies fc.Arbitrary<Limits>

test('the same seed gives the same script, whose conversations are each whole and in order', (t) => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 12 }), limits, (seed, count, given) => {
      const script = generateScript(new Random(seed), count, given)
      t.deepEqual(generateScript(new Random(seed), count, given), script)
      t.is(script.conversations.length, count)
      for (const { id, protocol } of script.conversations) {
        const own = script.steps.filter(({ of }) => of === id).map((step) => step.do)
        if (protocol === 'ICMP') t.true(own.every((what) => what === 'ping'))
        else t.regex(own.join(' '), /^open( say)+ end$/)
      }
    }),
  )
})

test('conversations that may not meet never do', (t) => {
  fc.assert(
    fc.property(fc.nat(), limits, (seed, given) => {
      const script = generateScript(new Random(seed), 12, given)
      const open = new Map<number, Conversation>()
      for (const step of script.steps) {
        const conversation = conversationOf(script, step.of)
        if (step.do === 'open') {
          for (const other of open.values()) t.true(mayMeet(other, conversation, given))
          open.set(step.of, conversation)
        }
        if (step.do === 'end') open.delete(step.of)
      }
    }),
  )
})

test('a fault of two conversations is shrunk to these two, and their messages to what it takes', async (t) => {
  const script = generateScript(new Random(7), 12, {
    protocols: ['TCP', 'UDP'],
    sharesPortsAtOnce: true,
    sharesPorts: true,
    usesServicePorts: true,
    fragmentsOfNode: true,
    asks: () => true,
  })
  const [one, other] = [script.conversations[3]!.id, script.conversations[8]!.id]
  const has = ({ steps }: Script, id: number) => steps.some((step) => step.of === id && step.do !== 'end')
  const shortest = await shrink(script, async (smaller) => has(smaller, one) && has(smaller, other))
  t.deepEqual(shortest.conversations.map(({ id }) => id).toSorted(), [one, other].toSorted())
  t.true(shortest.steps.length <= 3, describeScript(shortest).join('\n'))
})

/** What interferes, and the row that finds it, by a part of its name. */
const rows: readonly { readonly mutant: InterferenceName; readonly foundBy: string }[] = [
  { mutant: 'answersAsNodePortElsewhere', foundBy: "node's own servers answer" },
  { mutant: 'losesAnswersToTheNode', foundBy: "node's own clients get" },
  { mutant: 'losesFragments', foundBy: 'through Services from other ports' },
  { mutant: 'changesPortsOfDirectClients', foundBy: 'through Services from other ports' },
  { mutant: 'losesLongPings', foundBy: 'pings of every size' },
  { mutant: 'masqueradesToStrangers', foundBy: 'strangers speak' },
]

const factory = mutantFactory(nftables)

for (const { mutant, foundBy } of rows) {
  test.serial(`a row finds a dataplane that ${mutant}`, async (t) => {
    const { rows } = await runConformance({
      factory,
      settings: { mutant },
      families: ['IPv4'],
      filter: ({ name }) => name.includes(foundBy) || name.includes('nothing listens'),
    })
    const outcomesOf = (part: string) =>
      rows.filter(({ name }) => name.includes(part)).map(({ outcome }) => outcome)
    t.true(outcomesOf(foundBy).includes('failed'))
    t.deepEqual(outcomesOf('nothing listens'), ['passed', 'passed'])
  })
}

test.serial('random conversations find who interferes, and shrink to what it takes', async (t) => {
  const settings = { mutant: 'masqueradesToAnEndpoint' }
  const labs = await TwinLabs.create({ factory, settings, families: ['IPv4'], timeouts: timeoutsOf() })
  try {
    const { capabilities } = factory
    const { fault } = await fuzzConversations({
      labs,
      family: 'IPv4',
      capabilities,
      seed: 1,
      conversations: 2000,
    })
    t.true(fault?.repeatable)
    t.true((fault?.script.conversations.length ?? 9) <= 1, describeScript(fault!.script).join('\n'))
    t.true((fault?.script.steps.length ?? 9) <= 3)
    t.regex(fault!.failures.join('\n'), /saw .* from 172\.21\.0\.1/)
  } finally {
    await labs.close()
  }
})
