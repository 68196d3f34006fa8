import type {
  ApplyResult,
  CleanupReport,
  CompiledProgram,
  Dataplane,
  DataplaneFactory,
  ObservedSets,
  RoutingTable,
  TableChange,
} from '@portolan/core'

/** Codes of {@link BrokenContract}: when it happens, and the fix. */
export const brokenContractCodes = {
  DATAPLANE_BREAKS_CONTRACT: {
    when: 'a dataplane breaks the contract so that every row of the kit is meaningless: the kit stops',
    fix: 'correct the method that the message names',
  },
} as const

/** A dataplane that doesn't keep the contract in a way that makes every row meaningless: the kit stops. */
export class BrokenContract extends Error {
  readonly code: keyof typeof brokenContractCodes = 'DATAPLANE_BREAKS_CONTRACT'

  constructor(message: string) {
    super(message)
    this.name = 'BrokenContract'
  }
}

/** Ends what is under way in a kit whose dataplane breaks the contract, and keeps the first reason. */
export interface KitRun {
  broken?: BrokenContract
}

/**
 * The same dataplane, each call bounded and each result looked at: one that never comes, or is nonsense, breaks the
 * contract by the method's name. After that every call fails at once for the same reason, so that a scenario ends
 * rather than wait for each of them.
 *
 * @param callMs milliseconds that any one call may take
 */
export function checkedFactory(factory: DataplaneFactory, callMs: number, run: KitRun): DataplaneFactory {
  return { ...factory, create: (options) => new CheckedDataplane(factory.create(options), callMs, run) }
}

class CheckedDataplane implements Dataplane {
  readonly endpointOrder?: NonNullable<Dataplane['endpointOrder']>
  readonly upkeep?: NonNullable<Dataplane['upkeep']>
  readonly forgetFlows?: NonNullable<Dataplane['forgetFlows']>
  readonly remains?: NonNullable<Dataplane['remains']>
  readonly drain?: NonNullable<Dataplane['drain']>
  readonly #real: Dataplane
  readonly #callMs: number
  readonly #run: KitRun

  constructor(real: Dataplane, callMs: number, run: KitRun) {
    this.#real = real
    this.#callMs = callMs
    this.#run = run
    const { endpointOrder, upkeep, forgetFlows, remains, drain } = real
    if (remains !== undefined) this.remains = () => this.#bounded('remains', () => remains.call(real))
    if (drain !== undefined) this.drain = () => this.#bounded('drain', () => drain.call(real))
    if (endpointOrder !== undefined)
      this.endpointOrder = (observed, route, scope) => endpointOrder.call(real, observed, route, scope)
    if (upkeep !== undefined)
      this.upkeep = (family) => this.#bounded('upkeep', () => upkeep.call(real, family))
    if (forgetFlows !== undefined)
      this.forgetFlows = async (family, flows) => {
        // It waits several turns of the event loop, each behind the traffic of the scenario, and nothing waits for it.
        const pass = () => forgetFlows.call(real, family, flows)
        const forgotten = await this.#bounded('forgetFlows', pass, 3 * this.#callMs)
        this.#expectCounts('forgetFlows', forgotten, ['read', 'deleted'])
        return forgotten
      }
  }

  get name() {
    return this.#real.name
  }

  get contractVersion() {
    return this.#real.contractVersion
  }

  get capabilities() {
    return this.#real.capabilities
  }

  probe() {
    return this.#bounded('probe', () => this.#real.probe())
  }

  start() {
    return this.#bounded('start', () => this.#real.start())
  }

  observe(family: Parameters<Dataplane['observe']>[0]) {
    return this.#bounded('observe', () => this.#real.observe(family))
  }

  async isUnchanged(family: Parameters<Dataplane['isUnchanged']>[0]) {
    const answer: unknown = await this.#bounded('isUnchanged', () => this.#real.isUnchanged(family))
    if (typeof answer !== 'boolean') this.#break(`isUnchanged gave ${shown(answer)}, due is true or false`)
    return answer as boolean
  }

  observedSets(observed: unknown, table: RoutingTable): ObservedSets {
    return this.#real.observedSets?.(observed, table) ?? { nodePortAddresses: [], serviceCidrs: [] }
  }

  compile(change: TableChange): CompiledProgram {
    return this.#program('compile', this.#real.compile(change))
  }

  reconcile(observed: unknown, table: RoutingTable): CompiledProgram {
    return this.#program('reconcile', this.#real.reconcile(observed, table))
  }

  print(program: CompiledProgram) {
    const text: unknown = this.#real.print(program)
    if (typeof text !== 'string') this.#break(`print gave ${shown(text)}, due is text`)
    return text as string
  }

  async apply(program: CompiledProgram): Promise<ApplyResult> {
    const report: unknown = await this.#bounded('apply', () => this.#real.apply(program))
    this.#expectCounts('apply', report, ['operations', 'bytes'])
    this.#expectDegraded('apply', report)
    return report as ApplyResult
  }

  trace(...args: Parameters<Dataplane['trace']>) {
    return this.#real.trace(...args)
  }

  stop() {
    return this.#bounded('stop', () => this.#real.stop())
  }

  async cleanup(): Promise<CleanupReport> {
    const report: unknown = await this.#bounded('cleanup', () => this.#real.cleanup())
    this.#expectList('cleanup', report, 'removed', (one) => typeof one === 'string')
    return report as CleanupReport
  }

  async #bounded<Value>(method: string, call: () => Promise<Value>, limitMs = this.#callMs): Promise<Value> {
    if (this.#run.broken !== undefined) throw this.#run.broken
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        try {
          this.#break(`${method} has neither resolved nor rejected within ${limitMs / 1000} s`)
        } catch (error) {
          reject(error)
        }
      }, limitMs)
    })
    try {
      return await Promise.race([call(), late])
    } finally {
      clearTimeout(timer)
    }
  }

  #program(method: string, program: CompiledProgram): CompiledProgram {
    this.#expectCounts(method, program, ['operations'])
    this.#expectList(method, program, 'findings', (one) => typeof one === 'string')
    this.#expectDegraded(method, program)
    return program
  }

  #expectDegraded(method: string, given: unknown): void {
    const isDegraded = (one: unknown) =>
      typeof field(one, 'route') === 'string' && typeof field(one, 'reason') === 'string'
    this.#expectList(method, given, 'degraded', isDegraded)
  }

  #expectCounts(method: string, given: unknown, names: readonly string[]): void {
    for (const name of names) {
      const count = field(given, name)
      if (!(Number.isSafeInteger(count) && (count as number) >= 0))
        this.#break(`${method} gave ${name}: ${shown(count)}, due is a whole number from 0`)
    }
  }

  #expectList(method: string, given: unknown, name: string, isItem: (item: unknown) => boolean): void {
    const list = field(given, name)
    if (!(Array.isArray(list) && list.every(isItem)))
      this.#break(`${method} gave ${name}: ${shown(list)}, due is a list as the contract has it`)
  }

  #break(message: string): never {
    this.#run.broken ??= new BrokenContract(message)
    throw this.#run.broken
  }
}

function field(given: unknown, name: string): unknown {
  return typeof given === 'object' && given !== null
    ? (given as Readonly<Record<string, unknown>>)[name]
    : undefined
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 200)
}
