import { Worker } from 'node:worker_threads'
import type { FuzzFault } from './fuzz-round.ts'
import type { FuzzWork, FuzzWorkerMessage } from './fuzz-work.ts'

export interface FuzzOptions extends Omit<FuzzWork, 'place' | 'without' | 'show'> {
  /** Milliseconds without a new input after which the last one counts as hanging. */
  readonly hangMs: number
  /** MiB of JavaScript's heap, at which the last input counts as filling it. */
  readonly heapMiB: number
  readonly onFault: (fault: FuzzFault) => void
  /** Called each second. */
  readonly onProgress?: (progress: {
    readonly target: string
    readonly seed: number
    readonly tried: number
  }) => void
}

export interface FuzzResult {
  readonly targets: readonly string[]
  readonly tried: number
  readonly faults: readonly FuzzFault[]
}

/** Tries every target; one at fault is left out from then on. */
export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const faults: FuzzFault[] = []
  let targets: readonly string[] = []
  let tried = 0
  let { seed } = options
  for (;;) {
    const without = faults.map(({ target }) => target)
    const last = options.seed + options.seeds
    const result = await work(options, { without, seed, seeds: last - seed }, tried, (fault) => {
      faults.push(fault)
      options.onFault(fault)
    })
    targets = targets.length === 0 ? result.targets : targets
    tried += result.tried
    if (result.stuck === undefined) return { targets, tried, faults }
    const { target, run, error } = result.stuck
    seed = result.stuck.seed
    const input = await inputOf(options, seed, target, run)
    const fault = { target, seed, input, error }
    faults.push(fault)
    options.onFault(fault)
  }
}

interface Stuck {
  readonly target: string
  readonly seed: number
  readonly run: number
  readonly error: string
}

interface Worked {
  readonly targets: readonly string[]
  readonly tried: number
  readonly stuck?: Stuck
}

async function work(
  options: FuzzOptions,
  part: Pick<FuzzWork, 'without' | 'seed' | 'seeds'>,
  before: number,
  onFault: (fault: FuzzFault) => void,
): Promise<Worked> {
  const place = new SharedArrayBuffer(16)
  const numbers = new Int32Array(place)
  const worker = startWorker(options, { ...part, place })
  let targets: readonly string[] = []
  let ended: string | undefined
  worker.on('message', (message: FuzzWorkerMessage) => {
    if ('targets' in message) targets = message.targets
    if ('fault' in message) onFault(message.fault)
    // What targets have left open doesn't keep it.
    if ('tried' in message) void worker.terminate()
  })
  worker.on('error', (error) => {
    ended = String(error)
  })
  let [tried, since] = [-1, Date.now()]
  const timer = setInterval(() => {
    const [index = 0, seed = 0, , now = 0] = numbers
    options.onProgress?.({ target: targets[index] ?? '', seed, tried: before + now })
    if (now !== tried) [tried, since] = [now, Date.now()]
    else if (Date.now() - since > options.hangMs && numbers[2] !== 0) {
      ended = `no end within ${options.hangMs / 1000} s`
      void worker.terminate()
    }
  }, 1000)
  try {
    await end(worker)
  } finally {
    clearInterval(timer)
  }
  const [index = 0, seed = 0, run = 0, now = 0] = numbers
  const target = targets[index]
  if (ended === undefined) return { targets, tried: now }
  // An error before the first input is none of a target: a file that can't be loaded.
  if (target === undefined || run === 0) throw new Error(`fuzzing could not go on: ${ended}`)
  return { targets, tried: now, stuck: { target, seed, run, error: ended } }
}

/** What a worker was ended at; all inputs before it are tried again, for what is shrunk follows from them. */
async function inputOf(options: FuzzOptions, seed: number, target: string, run: number): Promise<string> {
  const show = { target, run }
  const place = new SharedArrayBuffer(16)
  const until = Number.POSITIVE_INFINITY
  const worker = startWorker({ ...options, until }, { without: [], seed, seeds: 1, place, show })
  let input = 'not found again'
  worker.on('message', (message: FuzzWorkerMessage) => {
    if (!('shown' in message)) return
    input = message.shown
    void worker.terminate()
  })
  worker.on('error', (error) => {
    input = `not found again: ${error}`
  })
  await end(worker)
  return input
}

function startWorker(
  { root, files, only, runs, turnMs, until, heapMiB }: Omit<FuzzOptions, 'seed' | 'seeds'>,
  part: Pick<FuzzWork, 'without' | 'seed' | 'seeds' | 'place' | 'show'>,
): Worker {
  const workerData: FuzzWork = {
    root,
    runs,
    until,
    ...(files === undefined ? {} : { files }),
    ...(only === undefined ? {} : { only }),
    ...(turnMs === undefined ? {} : { turnMs }),
    ...part,
  }
  return new Worker(new URL('fuzz-worker.ts', import.meta.url), {
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: heapMiB },
  })
}

/** Not `once` of node:events, which rejects where the worker ends by an error. */
function end(worker: Worker): Promise<void> {
  return new Promise((resolve) => worker.once('exit', () => resolve()))
}
