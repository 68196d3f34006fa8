import type { IpFamily } from '../network/address.ts'
import { type Clock, systemClock } from '../time/clock.ts'
import type { Checked } from './check-results.ts'
import {
  DataplaneError,
  type DataplaneMethod,
  isApplyError,
  isDataplaneError,
  thrownMessage,
} from './dataplane-error.ts'

/** Milliseconds that a method may take until that is an error. */
export interface Deadlines {
  /** `observe`, `apply`, `upkeep`, `forgetFlows`, `cleanup`: as long as the largest table on the slowest mechanism is normally written in. */
  readonly work: number
  /** `probe`, `open`. */
  readonly start: number
  /** `isUnchanged`, which is to cost next to nothing and holds up the changes of its family. */
  readonly look: number
  /** `close`: what is not closed by then, the end of the process closes. */
  readonly stop: number
}

export const standardDeadlines: Deadlines = { work: 300_000, start: 30_000, look: 3000, stop: 5000 }

export interface SupervisionOptions {
  readonly deadlines?: Deadlines
  readonly clock?: Clock
  /** Told of each breach of the contract that doesn't fail a call, once for each message. */
  readonly onFault?: (fault: DataplaneError) => void
}

/**
 * Calls of a dataplane's methods, as far as the core trusts them. What one throws says which dataplane and method it was;
 * what never returns fails at a deadline; a result that isn't valid is told.
 *
 * A call for a family that has missed its deadline may still write to the kernel. Until it has returned, no other call
 * for that family is made: each fails at its own deadline, so a retry succeeds as soon as it can.
 */
export class SupervisedCalls {
  readonly deadlines: Deadlines
  readonly #dataplane: string
  readonly #clock: Clock
  readonly #onFault: (fault: DataplaneError) => void
  readonly #told = new Set<string>()
  /** The call that missed its deadline and hasn't returned, by family. */
  readonly #overdue = new Map<IpFamily, OverdueCall>()
  /** The same of passes through flows, which go on beside all other calls but one another. */
  readonly #overduePasses = new Map<IpFamily, OverdueCall>()

  /** @param dataplane its name */
  constructor(dataplane: string, options: SupervisionOptions = {}) {
    this.#dataplane = dataplane
    this.deadlines = options.deadlines ?? standardDeadlines
    this.#clock = options.clock ?? systemClock
    this.#onFault = options.onFault ?? (() => {})
  }

  /** A method that returns at once. */
  now<Result>(method: DataplaneMethod, family: IpFamily | undefined, call: () => Result): Result {
    try {
      return call()
    } catch (error) {
      throw this.#failure(method, family, error)
    }
  }

  /** A method that is awaited, until its deadline. */
  async call<Result>(
    method: DataplaneMethod,
    family: IpFamily | undefined,
    deadline: number,
    call: () => Promise<Result>,
  ): Promise<Result> {
    const others = method === 'forgetFlows' ? this.#overduePasses : this.#overdue
    const overdue = family === undefined ? undefined : others.get(family)
    if (family !== undefined && overdue !== undefined) await this.#awaitOverdue(family, overdue, deadline)
    const begun = this.#clock.now()
    let running: Promise<Result>
    try {
      running = Promise.resolve(call())
    } catch (error) {
      throw this.#failure(method, family, error)
    }
    try {
      return await this.#within(deadline, running)
    } catch (error) {
      if (error !== missed) throw this.#failure(method, family, error)
      const late = { method, begun, running }
      if (family !== undefined && method !== 'isUnchanged') this.#remember(others, family, late)
      else running.catch(() => {})
      throw this.#hangs(family, late)
    }
  }

  #remember(calls: Map<IpFamily, OverdueCall>, family: IpFamily, call: OverdueCall): void {
    calls.set(family, call)
    const forget = (): void => void calls.delete(family)
    call.running.then(forget, forget)
  }

  async #awaitOverdue(family: IpFamily, call: OverdueCall, deadline: number): Promise<void> {
    try {
      await this.#within(deadline, call.running)
    } catch (error) {
      // However it failed: what it left in the kernel is for the caller to look at.
      if (error === missed) throw this.#hangs(family, call)
    }
  }

  /**
   * What ends within the turn of the event loop in which it began, as most applies do, gets no timer: to set one and take
   * it away costs an apply of one change more than all checks of it.
   *
   * @throws {@link missed} when the deadline passes first.
   */
  #within<Result>(deadline: number, running: Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      let isRunning = true
      let cancel: (() => void) | undefined
      const ended = (): void => {
        isRunning = false
        cancel?.()
      }
      running.then(
        (result) => {
          ended()
          resolve(result)
        },
        (error: unknown) => {
          ended()
          reject(error)
        },
      )
      setImmediate(() => {
        if (isRunning) cancel = this.#clock.after(deadline, () => reject(missed))
      })
    })
  }

  #hangs(family: IpFamily | undefined, { method, begun }: OverdueCall): DataplaneError {
    const seconds = Math.round((this.#clock.now() - begun) / 1000)
    const waiting =
      family === undefined || besideOthers.includes(method)
        ? ''
        : `; nothing of ${family} is applied until it does`
    return new DataplaneError(
      'DATAPLANE_METHOD_HANGS',
      { dataplane: this.#dataplane, method, ...(family === undefined ? {} : { family }) },
      `has not returned for ${seconds} s${waiting}`,
      {
        fix: 'restart Portolan, which leaves the rules in place, and report it to the author of the dataplane',
      },
    )
  }

  /** A refused program is the dataplane's own word, and says all there is to say. */
  #failure(method: DataplaneMethod, family: IpFamily | undefined, error: unknown): unknown {
    return isApplyError(error) ? error : this.fault(method, family, error)
  }

  /** What was thrown, with the method that threw it. */
  fault(method: DataplaneMethod, family: IpFamily | undefined, error: unknown): DataplaneError {
    if (isDataplaneError(error)) return error
    const at = { dataplane: this.#dataplane, method, ...(family === undefined ? {} : { family }) }
    return new DataplaneError('DATAPLANE_METHOD_FAILED', at, `failed: ${thrownMessage(error)}`, {
      cause: error,
      ...fixOf(error),
    })
  }

  /** For a result without which nothing can go on. */
  valid<Result>(method: DataplaneMethod, family: IpFamily | undefined, checked: Checked<Result>): Result {
    if (checked.wrong === undefined) return checked.result
    throw this.#invalid(method, family, checked.wrong)
  }

  /** For a result that can be done without. */
  usable<Result>(method: DataplaneMethod, family: IpFamily | undefined, checked: Checked<Result>): Result {
    if (checked.wrong !== undefined) this.tell(this.#invalid(method, family, checked.wrong))
    return checked.result
  }

  #invalid(method: DataplaneMethod, family: IpFamily | undefined, wrong: string): DataplaneError {
    const at = { dataplane: this.#dataplane, method, ...(family === undefined ? {} : { family }) }
    return new DataplaneError('DATAPLANE_RESULT_INVALID', at, wrong)
  }

  tell(fault: DataplaneError): void {
    if (this.#told.has(fault.message) || this.#told.size >= maxTold) return
    this.#told.add(fault.message)
    this.#onFault(fault)
  }
}

/** What may go on beside anything else: a look changes nothing, and flows are none of what an apply writes. */
const besideOthers: readonly DataplaneMethod[] = ['isUnchanged', 'forgetFlows']

interface OverdueCall {
  readonly method: DataplaneMethod
  readonly begun: number
  readonly running: Promise<unknown>
}

const missed = Symbol('the deadline was missed')

/** Faults are told once for each message; a dataplane that never repeats one must not fill the memory. */
const maxTold = 100

/** What the error itself says to do is better than the general advice. */
function fixOf(error: unknown): { readonly fix?: string } {
  const fix = (error as { readonly fix?: unknown } | null | undefined)?.fix
  return typeof fix === 'string' ? { fix } : {}
}
