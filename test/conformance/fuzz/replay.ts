import type { DataplaneFactory } from '@portolan/core'
import { timeoutsOf } from '../timeouts.ts'
import { Stage } from './stage.ts'
import type { PlainTrial, Trial } from './trial.ts'

/** A dataplane, as a test has it. */
export interface Replayed {
  readonly factory: DataplaneFactory
  /** As from `--dataplane-option`. */
  readonly settings?: Readonly<Record<string, string>>
}

/**
 * Plays once, on virtual nodes of its own, what `portolan fuzz` has found and printed. Needs root.
 *
 * @returns what is wrong, in words; `undefined`: nothing
 */
export async function replay(
  { factory, settings = {} }: Replayed,
  trial: PlainTrial,
): Promise<string | undefined> {
  const stage = new Stage({ factory, settings, timeouts: timeoutsOf() })
  try {
    // Its addresses are canonical text: they were printed from such.
    return (await stage.play(trial as Trial))?.text
  } finally {
    await stage.close()
  }
}
