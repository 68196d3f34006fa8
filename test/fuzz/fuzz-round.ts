import { getHeapStatistics } from 'node:v8'
import fc from 'fast-check'

/** A property of a file `*.fuzz.ts`: what holds for whatever a parser is given. */
export interface FuzzTarget {
  /** `core/cluster/objects:services` */
  readonly name: string
  /** Every property of fast-check, synchronous or not. */
  readonly property: fc.IRawProperty<unknown, boolean>
}

/** An input for which it doesn't hold, as small as it could be made. */
export interface FuzzFault {
  readonly target: string
  /** Plays the same inputs again. */
  readonly seed: number
  /** As fast-check prints values: mostly JavaScript. */
  readonly input: string
  readonly error: string
}

export interface RoundOptions {
  readonly seed: number
  /** Inputs at most. */
  readonly runs: number
  /** Milliseconds after which the round ends, if it has runs left. */
  readonly limitMs?: number
  /** Hears of every input before it is tried. */
  readonly trying: (input: unknown) => void
}

/** Bytes outside of JavaScript's heap, which no limit of a worker holds, that one input may cost. */
const maxBufferBytes = 256 << 20

/** Tries a target with inputs that follow from the seed. */
export async function fuzzRound(
  { name, property }: FuzzTarget,
  { seed, runs, limitMs, trying }: RoundOptions,
): Promise<FuzzFault | undefined> {
  const details = await fc.check(watched(property, trying), {
    seed,
    numRuns: runs,
    ...(limitMs === undefined ? {} : { interruptAfterTimeLimit: limitMs }),
  })
  if (!details.failed || details.counterexample === null) return undefined
  const error = details.errorInstance
  return {
    target: name,
    seed,
    input: fc.stringify(details.counterexample),
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  }
}

function watched(
  property: fc.IRawProperty<unknown, boolean>,
  trying: (input: unknown) => void,
): fc.IRawProperty<unknown, boolean> {
  const grew = (before: number) => {
    const bytes = getHeapStatistics().external_memory - before
    return bytes > maxBufferBytes ? { error: new Error(`one input took ${bytes} bytes of buffers`) } : null
  }
  const begin = (input: unknown) => {
    trying(input)
    return getHeapStatistics().external_memory
  }
  const shared = {
    generate: property.generate.bind(property),
    shrink: property.shrink.bind(property),
    runBeforeEach: property.runBeforeEach.bind(property),
    runAfterEach: property.runAfterEach.bind(property),
  }
  if (property.isAsync())
    return {
      ...shared,
      isAsync: () => true,
      run: async (input: unknown) => {
        const before = begin(input)
        return (await property.run(input)) ?? grew(before)
      },
    } as fc.IRawProperty<unknown, boolean>
  return {
    ...shared,
    isAsync: () => false,
    run: (input: unknown) => {
      const before = begin(input)
      return property.run(input) ?? grew(before)
    },
  } as fc.IRawProperty<unknown, boolean>
}
