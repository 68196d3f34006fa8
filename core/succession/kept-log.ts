import { thrownMessage } from '../dataplane/dataplane-error.ts'
import type { Logger } from '../log/logger.ts'
import type { Predecessor } from './predecessors.ts'

/** Tells that a predecessor stays, and why. */
export class KeptLog {
  readonly #logger: Logger
  readonly #successor: string

  /** @param successor the dataplane that is to run */
  constructor(logger: Logger, successor: string) {
    this.#logger = logger
    this.#successor = successor
  }

  tell({ name, title, goBack }: Predecessor, why: string): void {
    this.#logger.error(
      { event: 'predecessor-kept', predecessor: name },
      `dataplane ${this.#successor} can't take over from ${title}: ${why}. The rules of ${title} stay as they are and go on serving. ` +
        `To stay with ${title}, ${goBack}`,
    )
  }
}

/** Also of an error that has a line for each thing that is missing. */
export function wholeMessage(error: unknown): string {
  return error instanceof Error ? error.message.replaceAll(/\s*\n\s*/g, ' ') : thrownMessage(error)
}
