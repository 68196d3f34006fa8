import type { DataplaneFactory } from '@portolan/core'
import { type Timeouts, timeoutsOf } from '../timeouts.ts'
import { drawTrial } from './draw.ts'
import type { Wrong } from './packet-lab.ts'
import { Candidates, type FuzzPath, pathText } from './path.ts'
import { shrinkTrial } from './shrink-trial.ts'
import { Stage } from './stage.ts'
import type { PhaseName, Trial } from './trial.ts'

export interface SearchOptions {
  readonly factory: DataplaneFactory
  readonly settings: Readonly<Record<string, string>>
  /** Of the first round of each phase; round n has the seed plus n. */
  readonly seed: number
  readonly phases: readonly PhaseName[]
  /** Milliseconds for all rounds together; infinity: as long as these take. */
  readonly searchMs: number
  /** Rounds of each phase, at the most; absent: as many as there is time for. */
  readonly rounds?: number
  /** Milliseconds for looking for the shortest form of what was found. */
  readonly shrinkMs: number
  /** How many times as long as on a usual machine everything takes here; default 1. */
  readonly slowness?: number
  readonly watcher?: SearchWatcher
  /** Ends the search in the midst of whatever it does. */
  readonly signal?: AbortSignal
}

/** Told of what happens, as it happens. */
export interface SearchWatcher {
  /** A round begins: what its path would be, and what was done before it. */
  round?(path: string, done: Amounts): void
  /** Something went wrong, and its shortest form is looked for. */
  found?(path: string, wrong: string): void
  /** It is over, and the virtual nodes go: what a round that goes on says from now on, also to nobody, means nothing. */
  over?(): void
}

/** What was done. */
export interface Amounts {
  readonly rounds: Readonly<Record<PhaseName, number>>
  readonly sequences: number
  readonly probes: number
  readonly conversations: number
}

/** Something that goes wrong whenever it is tried, and what it takes to see it again. */
export interface Found {
  readonly path: string
  readonly wrong: string
  readonly trial: Trial
  /** Milliseconds until it was seen, without what it took to make it short. */
  readonly afterMs: number
  /** As it was seen first: the search was interrupted before it was made short. */
  readonly isWhole?: true
}

export interface SearchResult extends Amounts {
  readonly found?: Found
  /** What a path says was not tried to its end: it was interrupted, or the time was over. */
  readonly isCutOff?: true
  /** What went wrong once, and not in the tries after it. */
  readonly once: readonly { readonly path: string; readonly wrong: string }[]
}

/** How much of the time each phase gets, while all are asked for. */
const shares: Readonly<Record<PhaseName, number>> = { convergence: 1, packets: 2, conversations: 2 }

/** What setTimeout takes. */
const longestTimerMs = 2 ** 31 - 1

/** Times that it has to go right before something that went wrong counts as seen once. */
const moreTries = 2

/**
 * Tries random things with a dataplane, phase by phase in turns, until something goes wrong or the time is over. Needs root:
 * it makes network namespaces. Leaves nothing behind.
 */
export async function search(options: SearchOptions): Promise<SearchResult> {
  return await new Search(options).run()
}

/** Tries again what a path says, once. @returns what is wrong, if anything is */
export async function searchPath(options: SearchOptions, path: FuzzPath): Promise<SearchResult> {
  return await new Search(options).follow(path)
}

class Search {
  readonly #options: SearchOptions
  readonly #timeouts: Timeouts
  readonly #begun = performance.now()
  readonly #rounds: Record<PhaseName, number> = { convergence: 0, packets: 0, conversations: 0 }
  readonly #spentMs: Record<PhaseName, number> = { convergence: 0, packets: 0, conversations: 0 }
  readonly #once: { readonly path: string; readonly wrong: string }[] = []
  /** What is being made short. */
  #seen: Found | undefined
  #isOver = false
  #sequences = 0
  #probes = 0
  #conversations = 0
  #stage: Stage

  constructor(options: SearchOptions) {
    this.#options = options
    this.#timeouts = timeoutsOf(options.slowness)
    this.#stage = this.#newStage()
  }

  async run(): Promise<SearchResult> {
    return await this.#onStage(
      async () => {
        for (let phase = this.#nextPhase(); phase !== undefined; phase = this.#nextPhase()) {
          const found = await this.#round(phase)
          if (found !== undefined) return this.#result(found)
        }
        return this.#result()
      },
      () => this.#result(this.#seen),
    )
  }

  async follow(path: FuzzPath): Promise<SearchResult> {
    return await this.#onStage(
      async () => {
        this.#options.watcher?.round?.(pathText(path), this.#result())
        const drawn = await this.#draw(path)
        const asked = path.question === undefined ? drawn : withQuestion(drawn, path.question)
        const candidates = new Candidates()
        const trial = await this.#shrink(asked, candidates, (_, number) => path.accepted.includes(number))
        const wrong = await this.#try(trial)
        if (wrong === undefined) return this.#result()
        const afterMs = performance.now() - this.#begun
        return this.#result({ path: pathText(path), wrong: wrong.text, trial, afterMs })
      },
      () => ({ ...this.#result(), isCutOff: true }),
    )
  }

  /**
   * Takes the virtual nodes down at the end, and beneath what goes on when it is interrupted.
   *
   * @param soFar the result of what is interrupted
   */
  async #onStage(act: () => Promise<SearchResult>, soFar: () => SearchResult): Promise<SearchResult> {
    const { signal, searchMs } = this.#options
    let timer: NodeJS.Timeout | undefined
    const over = new Promise<SearchResult>((resolve) => {
      const end = () => {
        this.#isOver = true
        resolve(soFar())
      }
      if (signal?.aborted) end()
      signal?.addEventListener('abort', end)
      // A round can take long. One that has found something goes on.
      timer = setTimeout(() => this.#seen === undefined && end(), Math.min(searchMs, longestTimerMs))
    })
    const acting = act()
    // Whatever it says once its nodes are gone.
    acting.catch(() => {})
    try {
      return await Promise.race([acting, over])
    } finally {
      this.#isOver = true
      clearTimeout(timer)
      this.#options.watcher?.over?.()
      await this.#stage.close()
    }
  }

  async #round(phase: PhaseName): Promise<Found | undefined> {
    const begun = performance.now()
    const place = { phase, round: this.#rounds[phase], accepted: [] }
    this.#options.watcher?.round?.(pathText(place), this.#result())
    const drawn = await this.#draw(place)
    const wrong = await this.#try(drawn)
    this.#expectGoing()
    this.#rounds[phase] += 1
    this.#spentMs[phase] += performance.now() - begun
    if (wrong === undefined) return undefined
    const afterMs = performance.now() - this.#begun
    const path = { ...place, ...(wrong.question === undefined ? {} : { question: wrong.question }) }
    const trial = wrong.question === undefined ? drawn : withQuestion(drawn, wrong.question)
    this.#seen = { path: pathText(path), wrong: wrong.text, trial, afterMs, isWhole: true }
    try {
      this.#options.watcher?.found?.(pathText(path), wrong.text)
      return await this.#explore(path, trial, wrong, afterMs)
    } finally {
      this.#seen = undefined
    }
  }

  /** Looks whether it goes wrong again, and for its shortest form that does so on a node of its own. */
  async #explore(path: FuzzPath, trial: Trial, wrong: Wrong, afterMs: number): Promise<Found | undefined> {
    if ((await this.#again(trial)) === undefined) {
      this.#once.push({ path: pathText(path), wrong: wrong.text })
      return undefined
    }
    const until = performance.now() + this.#options.shrinkMs
    const candidates = new Candidates()
    const shortest = await this.#shrink(
      trial,
      candidates,
      async (candidate) =>
        performance.now() < until && (await this.#stage.play(candidate, true)) !== undefined,
    )
    await this.#renewStage()
    const last = await this.#again(shortest)
    if (last !== undefined) {
      const short = { ...path, accepted: candidates.accepted }
      return { path: pathText(short), wrong: last.text, trial: shortest, afterMs }
    }
    await this.#renewStage()
    const whole = await this.#again(trial)
    if (whole !== undefined) return { path: pathText(path), wrong: whole.text, trial, afterMs }
    this.#once.push({ path: pathText(path), wrong: wrong.text })
    return undefined
  }

  async #again(trial: Trial): Promise<Wrong | undefined> {
    for (let count = 0; count < moreTries; count++) {
      const wrong = await this.#stage.play(trial)
      if (wrong !== undefined) return wrong
    }
    return undefined
  }

  async #shrink(
    trial: Trial,
    candidates: Candidates,
    fails: (candidate: Trial, number: number) => Promise<boolean> | boolean,
  ): Promise<Trial> {
    return await shrinkTrial(trial, this.#options.factory.capabilities, (candidate) =>
      candidates.take((number) => fails(candidate, number)),
    )
  }

  async #draw({ phase, round }: FuzzPath): Promise<Trial> {
    const { seed, factory } = this.#options
    return await drawTrial(phase, seed + round, { stage: this.#stage, capabilities: factory.capabilities })
  }

  async #try(trial: Trial): Promise<Wrong | undefined> {
    if (trial.phase === 'conversations') this.#conversations += trial.script.conversations.length
    else this.#sequences += 1
    if (trial.phase === 'packets') this.#probes += trial.questions.length
    return await this.#stage.play(trial)
  }

  /** Whoever had the least of its share; `undefined`: it is over. */
  #nextPhase(): PhaseName | undefined {
    const { phases, rounds = Number.POSITIVE_INFINITY, searchMs, signal } = this.#options
    if (signal?.aborted || performance.now() - this.#begun >= searchMs) return undefined
    const had = (phase: PhaseName) => this.#spentMs[phase] / shares[phase]
    return phases
      .filter((phase) => this.#rounds[phase] < rounds)
      .toSorted((one, other) => had(one) - had(other))[0]
  }

  #newStage(): Stage {
    const { factory, settings } = this.#options
    return new Stage({ factory, settings, timeouts: this.#timeouts })
  }

  async #renewStage(): Promise<void> {
    await this.#stage.close()
    this.#expectGoing()
    this.#stage = this.#newStage()
  }

  /** What goes wrong while the nodes go is none of the dataplane's. */
  #expectGoing(): void {
    if (this.#isOver) throw new Error('the search is over')
  }

  #result(found?: Found): SearchResult {
    return {
      rounds: { ...this.#rounds },
      sequences: this.#sequences,
      probes: this.#probes,
      conversations: this.#conversations,
      once: [...this.#once],
      ...(found === undefined ? {} : { found }),
    }
  }
}

function withQuestion(trial: Trial, index: number): Trial {
  if (trial.phase !== 'packets') return trial
  return { ...trial, questions: trial.questions.slice(index, index + 1) }
}
