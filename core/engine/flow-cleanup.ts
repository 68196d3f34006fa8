import type { Dataplane } from '../dataplane/contract.ts'
import type { IpFamily } from '../network/address.ts'
import type { Touched } from '../table/touched.ts'
import { type FlowAddress, type UdpFlows, udpDestinations, udpServersAt } from '../table/udp-flows.ts'
import { type BackoffLimits, backoff } from '../time/backoff.ts'
import type { LiveTable } from './live-table.ts'
import type { FlowsFailed, FlowsForgotten } from './observer.ts'
import type { Timing } from './timing.ts'

export interface FlowCleanupOptions {
  readonly family: IpFamily
  readonly live: LiveTable
  readonly dataplane: Dataplane
  readonly timing: Timing
  onForgotten(forgotten: FlowsForgotten): void
  onFailed(failed: FlowsFailed): void
}

/** Passes take this part of the time at most: one that takes long, on a node with many flows, rests four times as long. */
const share = 0.2

/** How long a pass that failed waits for the next attempt. */
const retryLimits: BackoffLimits = { retryMinMs: 1000, retryMaxMs: 60_000 }

/** So many are no longer told apart: then any flow may be stale. */
const maxSuspects = 1000

/**
 * Has the dataplane forget stale flows of UDP of one family, beside the applies and never in their way (SEMANTICS 12): one
 * pass at a time, and what becomes suspect meanwhile is for the next. The first one looks at all flows, for what has changed
 * while no process ran.
 */
export class FlowCleanup {
  readonly #options: FlowCleanupOptions
  /** Of what the table says, and the kernel perhaps doesn't yet: a pass would come too early. */
  readonly #unapplied = new Suspects('all')
  readonly #due = new Suspects()
  /** Of the pass under way. */
  #running: AbortController | undefined
  #isStopped = false
  #failures = 0
  #cancelTimer: (() => void) | undefined
  #current: Promise<void> = Promise.resolve()

  constructor(options: FlowCleanupOptions) {
    this.#options = options
  }

  /** The table has changed; these flows are to be looked at once the change is applied. */
  suspect(flows: Touched['flows'] | 'all'): void {
    if (this.#options.dataplane.forgetFlows !== undefined) this.#unapplied.add(flows)
  }

  /** The kernel leads new flows as the table says. */
  applied(): void {
    if (this.#options.dataplane.forgetFlows === undefined) return
    this.#due.add(this.#unapplied.take())
    this.#begin()
  }

  /** Resolves when no pass is under way any more. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#running?.abort()
    this.#cancelTimer?.()
    await this.#current
  }

  #begin(): void {
    const rests = this.#cancelTimer !== undefined
    if (this.#running !== undefined || rests || this.#due.isEmpty || this.#isStopped) return
    const { live } = this.#options
    const suspects = this.#due.take()
    if (live.udpServers.size === 0) return
    this.#running = new AbortController()
    this.#current = this.#pass(suspects, this.#running)
  }

  async #pass(suspects: SuspectFlows, running: AbortController): Promise<void> {
    const { dataplane, family, live, timing, onFailed, onForgotten } = this.#options
    const { signal } = running
    const begun = timing.now()
    let rest = 0
    try {
      const forgotten = await dataplane.forgetFlows?.(family, {
        serversAt: udpServersAt(live.table, live.udpServers),
        ...listed(suspects, live),
        signal,
      })
      this.#failures = 0
      const took = timing.now() - begun
      rest = took / share - took
      if (forgotten !== undefined) onForgotten({ family, ...forgotten, took })
    } catch (error) {
      // One that is given up because it takes too long may still be under way, and the next must not run beside it.
      running.abort()
      const took = timing.now() - begun
      const failures = ++this.#failures
      this.#due.add(suspects)
      rest = backoff(failures, retryLimits, timing.random)
      if (!this.#isStopped) onFailed({ family, error, took, failures, retryIn: rest })
    }
    this.#running = undefined
    if (this.#isStopped) return
    this.#cancelTimer = timing.after(rest, () => {
      this.#cancelTimer = undefined
      this.#begin()
    })
  }
}

type SuspectFlows = Touched['flows'] | 'all'

class Suspects {
  #isAll: boolean
  #answeredBy = new Map<string, FlowAddress>()
  #sentTo = new Map<string, FlowAddress>()

  constructor(all?: 'all') {
    this.#isAll = all !== undefined
  }

  get isEmpty(): boolean {
    return !this.#isAll && this.#answeredBy.size + this.#sentTo.size === 0
  }

  add(flows: SuspectFlows): void {
    if (flows === 'all') this.#isAll = true
    if (flows === 'all' || this.#isAll) return
    for (const [key, one] of flows.answeredBy) this.#answeredBy.set(key, one)
    for (const [key, one] of flows.sentTo) this.#sentTo.set(key, one)
    if (this.#answeredBy.size + this.#sentTo.size > maxSuspects) this.#isAll = true
  }

  take(): SuspectFlows {
    const taken = this.#isAll ? 'all' : { answeredBy: this.#answeredBy, sentTo: this.#sentTo }
    this.#isAll = false
    this.#answeredBy = new Map()
    this.#sentTo = new Map()
    return taken
  }
}

/** All flows that may be stale go to some destination: where these are few, other flows need not be read. */
function listed(flows: SuspectFlows, { table, udpServers }: LiveTable): Pick<UdpFlows, 'suspects'> {
  if (flows !== 'all')
    return { suspects: { answeredBy: [...flows.answeredBy.values()], sentTo: [...flows.sentTo.values()] } }
  const sentTo: FlowAddress[] = []
  for (const destination of udpDestinations(table, udpServers)) {
    sentTo.push(destination)
    if (sentTo.length > maxSuspects) return {}
  }
  return { suspects: { answeredBy: [], sentTo } }
}
