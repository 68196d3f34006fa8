import { realTiming } from '@portolan/core/engine'

/** What steps took, on the clock and of all processors together, programs and theirs among it. */
export class Stopwatch {
  readonly #lines: string[] = []

  async time<Result>(step: string, take: () => Promise<Result>): Promise<Result> {
    const [begun, used] = [performance.now(), realTiming.cpu()]
    const result = await take()
    this.#lines.push(
      `${step} ${seconds(performance.now() - begun)} s (${seconds(realTiming.cpu() - used)} s of CPU)`,
    )
    return result
  }

  toString(): string {
    return this.#lines.join(', ')
  }
}

const seconds = (milliseconds: number) => (milliseconds / 1000).toFixed(1)
