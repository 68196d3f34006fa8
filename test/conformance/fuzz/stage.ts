import type { DataplaneFactory, IpFamily } from '@portolan/core'
import { limitsOf } from '../conversations/fuzz.ts'
import type { Limits } from '../conversations/generate.ts'
import { TwinLabs } from '../conversations/twin-labs.ts'
import type { Timeouts } from '../timeouts.ts'
import { PacketLab, type Wrong } from './packet-lab.ts'
import type { Trial } from './trial.ts'

export interface StageOptions {
  readonly factory: DataplaneFactory
  readonly settings: Readonly<Record<string, string>>
  readonly timeouts: Timeouts
}

/** How long an answer may take while the shortest form is looked for, in milliseconds times the slowness. */
const hurriedAnswerMs = 1500

/** Virtual nodes on which trials are played one after the other. Each is made when it is first needed. */
export class Stage {
  readonly #options: StageOptions
  readonly #nodes: PacketLab
  #twins: Promise<TwinLabs> | undefined
  #closed: Promise<void> | undefined

  constructor(options: StageOptions) {
    this.#options = options
    this.#nodes = new PacketLab(options)
  }

  /**
   * Plays a trial. What the dataplane throws is what was wrong.
   *
   * @param isHurried waits less for answers, so that a busy machine may be taken for a fault
   */
  async play(trial: Trial, isHurried = false): Promise<Wrong | undefined> {
    this.#expectOpen()
    if (trial.phase === 'conversations') return await this.#converse(trial, isHurried)
    const questions = trial.phase === 'packets' ? trial.questions : []
    return await this.#nodes.play(trial.sequence, questions, this.#answerMs(isHurried))
  }

  /** What conversations keep to. @throws what the dataplane throws when it starts */
  async limits(family: IpFamily): Promise<Limits> {
    this.#expectOpen()
    const { capabilities } = this.#options.factory
    return limitsOf({ labs: await this.#twinLabs, family, capabilities })
  }

  /** What is being played ends without its result. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    const twins = await this.#twins?.catch(() => undefined)
    // What outlives a node's network namespace.
    await twins?.testbed.dataplane.cleanup().catch(() => {})
    await Promise.all([twins?.close(), this.#nodes.close()])
  }

  /** What is made after the end, nobody takes down. */
  #expectOpen(): void {
    if (this.#closed !== undefined) throw new Error('the virtual nodes are gone')
  }

  get #twinLabs(): Promise<TwinLabs> {
    const { factory } = this.#options
    this.#twins ??= TwinLabs.create({ ...this.#options, families: factory.capabilities.families })
    return this.#twins
  }

  async #converse(
    { script, family }: Trial & { phase: 'conversations' },
    isHurried: boolean,
  ): Promise<Wrong | undefined> {
    try {
      const labs = await this.#twinLabs
      const failures = await labs.try(script, family, this.#answerMs(isHurried))
      return failures.length === 0 ? undefined : { text: failures.join('\n') }
    } catch (error) {
      return { text: error instanceof Error ? error.message : String(error) }
    }
  }

  #answerMs(isHurried: boolean): number {
    const { answerMs, slowness } = this.#options.timeouts
    return isHurried ? hurriedAnswerMs * slowness : answerMs
  }
}
