import type { Capabilities } from '@portolan/core'
import { shrink as shrinkSequence } from '../convergence/shrink.ts'
import { shrink as shrinkScript } from '../conversations/shrink.ts'
import { questionAfter } from './question.ts'
import type { Trial } from './trial.ts'

/** Candidates that are looked at, at most. */
const most = 1500

/**
 * A trial as short as it gets that goes wrong as well.
 *
 * @param fails whether a candidate does; asked about the same candidates in the same order where it answers the same
 */
export async function shrinkTrial(
  trial: Trial,
  capabilities: Capabilities,
  fails: (candidate: Trial) => Promise<boolean>,
): Promise<Trial> {
  if (trial.phase === 'conversations') {
    const script = await shrinkScript(trial.script, (smaller) => fails({ ...trial, script: smaller }), most)
    return { ...trial, script }
  }
  const questions = trial.phase === 'packets' ? trial.questions : []
  const shortened = (sequence: typeof trial.sequence): Trial | undefined => {
    if (trial.phase === 'convergence') return { ...trial, sequence }
    const asked = questions.map((question) => questionAfter(question, sequence, capabilities))
    const still = asked.filter((question) => question !== undefined)
    return still.length < asked.length ? undefined : { ...trial, sequence, questions: still }
  }
  const sequence = await shrinkSequence(
    trial.sequence,
    async (smaller) => {
      const candidate = shortened(smaller)
      return candidate !== undefined && (await fails(candidate))
    },
    most,
  )
  return shortened(sequence) ?? trial
}
