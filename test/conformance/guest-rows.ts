import { VmError } from '@portolan/vm'
import type { Row } from './row.ts'
import { isSameRow, type RowToBe } from './suite.ts'
import { readTold } from './vm-guest-talk.ts'

/** What the run of a guest tells, and asks. */
export interface GuestFollower {
  /** Names of the claims that are still to be proved; asked before each machine boots. */
  openClaims(): readonly string[]
  /** Each line of the guest's standard output. */
  onLine(line: string): void
  /** A machine was lost; another one follows. */
  onLoss(reason: string): void
}

/** How many machines one scenario may cost: after that its rows have failed, and the others go on. */
const maxLosses = 2

/**
 * What the kit in a guest has told so far, and what became of the rows that it can't tell about any more. A scenario in
 * which the guest's program is killed by a signal has failed at once, as has one that loses two machines; the others are
 * proved in another machine.
 */
export class GuestRows {
  readonly #rows: readonly RowToBe[]
  readonly #known: Row[] = []
  /** The name of the scenario that runs. */
  #scenario: string | undefined
  /** Machines that each scenario has cost. */
  readonly #losses = new Map<string, number>()
  /** Why scenarios have failed, by their names. */
  readonly #givenUp = new Map<string, Error>()
  #ended: Error | undefined
  /** Called whenever there is news. */
  readonly #waiting = new Set<() => void>()

  /** @param run runs machines until no claim is open; rejects when it can't */
  constructor(rows: readonly RowToBe[], run: (follow: GuestFollower) => Promise<void>) {
    this.#rows = rows
    this.#runAll(run)
      .then(() => new Error("the kit in the VM has ended, and hadn't told about every row"))
      .catch((error: Error) => error)
      .then((end) => {
        this.#ended = end
        this.#tellAll()
      })
  }

  /** @throws when the kit ends without having told about it */
  async resultOf(row: RowToBe): Promise<Row> {
    for (;;) {
      const found = this.#known.find((one) => isSameRow(one, row))
      if (found !== undefined) return found
      const failure = this.#givenUp.get(row.scenario.name) ?? this.#ended
      if (failure !== undefined) throw failure
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
  }

  async #runAll(run: (follow: GuestFollower) => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await run({
          openClaims: () => this.#openClaims(),
          onLine: (line) => this.#read(line),
          onLoss: (reason) => this.#countLoss(reason),
        })
      } catch (error) {
        const scenario = this.#scenario
        const isKilled = error instanceof VmError && error.code === 'PROGRAM_KILLED'
        if (!isKilled || scenario === undefined) throw error
        this.#scenario = undefined
        this.#giveUp(scenario, `${error.message} while "${scenario}" ran`)
      }
    }
  }

  #read(line: string): void {
    const told = readTold(line)
    if (told === undefined) {
      process.stderr.write(`${line}\n`)
    } else if ('begins' in told) {
      this.#scenario = told.begins
    } else {
      this.#known.push(told.row)
      this.#tellAll()
    }
  }

  #countLoss(reason: string): void {
    const scenario = this.#scenario
    this.#scenario = undefined
    const losses = (this.#losses.get(scenario ?? '') ?? 0) + 1
    if (scenario !== undefined) this.#losses.set(scenario, losses)
    if (scenario !== undefined && losses >= maxLosses)
      this.#giveUp(
        scenario,
        `${losses} machines were lost while "${scenario}" ran in them; the last one: ${reason}`,
      )
    const during = scenario === undefined ? '' : ` while "${scenario}" ran`
    const left = this.#openClaims().length
    process.stderr.write(`the VM was lost${during}: ${reason}; another one for ${left} claims\n`)
  }

  #giveUp(scenario: string, reason: string): void {
    this.#givenUp.set(scenario, new Error(reason))
    this.#tellAll()
  }

  /** The claims of which no row is known, but for those of scenarios that are given up. */
  #openClaims(): readonly string[] {
    const told = new Set(this.#known.map(({ name }) => name))
    const open = this.#rows.filter(
      ({ name, scenario }) => !told.has(name) && !this.#givenUp.has(scenario.name),
    )
    return [...new Set(open.map(({ name }) => name))]
  }

  #tellAll(): void {
    for (const tell of this.#waiting) tell()
    this.#waiting.clear()
  }
}
