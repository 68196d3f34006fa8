import type { Capabilities } from '@portolan/core'
import { randomSequence } from '../convergence/random-sequence.ts'
import type { Script } from '../conversations/conversation.ts'
import { generateScript } from '../conversations/generate.ts'
import { Random } from '../random.ts'
import { realNode } from './packet-lab.ts'
import { randomQuestions } from './question.ts'
import type { Stage } from './stage.ts'
import type { PhaseName, Trial } from './trial.ts'

/** At most; some faults show in short histories first, and some take long ones. */
const changes = [6, 6, 12, 20, 20, 60] as const

/** In each family. */
const questionsPerSequence = 24
const conversationsPerScript = 8

/** The trial of a seed's round: the same for the same numbers and capabilities. */
export async function drawTrial(
  phase: PhaseName,
  seed: number,
  { stage, capabilities }: { readonly stage: Stage; readonly capabilities: Capabilities },
): Promise<Trial> {
  const random = new Random(seed)
  const { families } = capabilities
  switch (phase) {
    case 'convergence':
      return { phase, sequence: randomSequence(random, { families, changes: random.pick(changes) }) }
    case 'packets': {
      const sequence = randomSequence(random, {
        families,
        real: realNode,
        changes: random.pick(changes),
      })
      return {
        phase,
        sequence,
        questions: randomQuestions(random, sequence, capabilities, questionsPerSequence),
      }
    }
    case 'conversations': {
      const family = families[seed % families.length] ?? 'IPv4'
      // A dataplane that can't be started there shows that in every script, the shortest among them.
      const limits = await stage.limits(family).catch(() => undefined)
      const nothing: Script = { conversations: [], steps: [] }
      const script = limits === undefined ? nothing : generateScript(random, conversationsPerScript, limits)
      return { phase, family, script }
    }
  }
}
