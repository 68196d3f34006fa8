import { release } from 'node:os'
import type { Capabilities, DataplaneFactory, IpFamily } from '@portolan/core'
import { supportsSctp } from '@portolan/lab'
import { BrokenContract, checkedFactory, type KitRun } from './checked-dataplane.ts'
import { checkCapabilities, gapOf, gapRefutedBy } from './declared-capabilities.ts'
import type { Row, RowClaim, Verdict } from './row.ts'
import { expand, type KitHooks, type Scenario, type ScenarioClaim, type ScenarioContext } from './scenario.ts'
import { scenarios as allScenarios } from './scenarios.ts'
import { endHeldTestbeds, holdTestbeds, lastObjects } from './testbed.ts'
import { timeoutsOf } from './timeouts.ts'

/** What the kit has to be given of a dataplane, wherever it runs. */
export interface DataplaneUnderTest {
  readonly factory: DataplaneFactory
  /** The module whose default export is the factory, as a URL: a process that is to be killed loads it. */
  readonly module?: string
  /**
   * The package's own factory, where `factory` is that one told what a lab needs: `portolan eval` takes `factory` for it
   * then, and else the one that it was asked for.
   */
  readonly wraps?: DataplaneFactory
  readonly hooks?: KitHooks
}

export interface ConformanceOptions extends DataplaneUnderTest {
  /** Handed to the factory, as from `--dataplane-option`. */
  readonly settings?: Readonly<Record<string, string>>
  /** Default: all that the dataplane can. */
  readonly families?: readonly IpFamily[]
  /** Each scenario in one of them only, in turns; one with claims about one family in all. For a short look; default no. */
  readonly inTurns?: boolean
  /** Which claims to prove; default all. A scenario without any is not run. */
  readonly filter?: (claim: RowClaim) => boolean
  /** How many times as long as on a usual machine everything takes here; default 1. All waits grow with it. */
  readonly slowness?: number
  /** How long any call of the dataplane may take, in milliseconds; default half a minute, times the slowness. */
  readonly callMs?: number
  /** Told of each scenario's name when it begins. */
  readonly onScenario?: (name: string) => void
  /** Told of each row as soon as its scenario has ended. */
  readonly onCase?: (row: Row) => void
  /** Told of a scenario with a failed row: its name, and all objects of its cluster as it has left them. */
  readonly onObjects?: (scenario: string, objects: readonly object[]) => void
  /**
   * Gets the node of a scenario with a failed row as the scenario has left it: a path of its network namespace. The node, and
   * what runs on it, stays until the promise settles. Default: no node stays.
   */
  readonly onFailedNode?: (scenario: string, networkNamespace: string) => Promise<void>
}

export interface ConformanceResult {
  readonly rows: readonly Row[]
}

/**
 * Runs the kit, one scenario after the other, and gives the matrix. Needs root: it makes network namespaces.
 *
 * @throws BrokenContract when what the dataplane declares leaves nothing to prove
 */
export async function runConformance(options: ConformanceOptions): Promise<ConformanceResult> {
  checkCapabilities(options.factory.capabilities)
  const rows: Row[] = []
  const run: KitRun = {}
  for (const scenario of allScenarios) {
    if (!scenario.claims.some((claim) => options.filter?.(claim) ?? true)) continue
    options.onScenario?.(scenario.name)
    for (const row of await runScenario(scenario, options, run)) {
      rows.push(row)
      options.onCase?.(row)
    }
  }
  return { rows }
}

/**
 * Runs one scenario. Every claim that was asked for is told about: one that the scenario was silent about has failed,
 * so that nothing is skipped without a declared reason.
 *
 * @param run shared by all scenarios of one run: once the contract is broken, the scenarios after it aren't run
 */
export async function runScenario(
  scenario: Scenario,
  options: ConformanceOptions,
  run: KitRun = {},
): Promise<readonly Row[]> {
  const { module, settings = {}, filter, hooks = {} } = options
  const timeouts = timeoutsOf(options.slowness)
  const factory = checkedFactory(options.factory, options.callMs ?? timeouts.callMs, run)
  const { capabilities } = factory
  const families = familiesOf(capabilities, options, scenario)
  const wants = (claim: RowClaim) => filter?.(claim) ?? true
  const provable = (claim: ScenarioClaim) =>
    expand(claim, families).filter(
      ({ protocol }) =>
        lackOf(protocol) === undefined && (protocol === 'any' || capabilities.protocols.includes(protocol)),
    )
  const context: ScenarioContext = {
    factory,
    module,
    settings,
    capabilities,
    families,
    hooks,
    timeouts,
    wants,
    expand: provable,
  }
  const claims = scenario.claims.filter(wants)
  const held = options.onFailedNode === undefined ? [] : holdTestbeds(factory)

  let verdicts: readonly Verdict[] = []
  let broken: string | undefined
  if (run.broken === undefined) {
    try {
      verdicts = await within(scenario.run(context), timeouts.scenarioMs)
    } catch (error) {
      if (error instanceof BrokenContract) run.broken ??= error
      broken = `the scenario "${scenario.name}" broke off: ${describeThrown(error)}`
    }
  } else {
    broken = `not asked, because the dataplane breaks the contract: ${run.broken.message}`
  }
  const rows = claims.flatMap((claim) =>
    expand(claim, families).map(({ family, protocol }): Row => {
      const { feature, name } = claim
      const row = { feature, name, family, protocol }
      const gap = gapOf(claim, protocol, capabilities)
      const verdict = verdicts.find(
        (one) => one.claim.name === name && one.family === family && one.protocol === protocol,
      )
      const lack = lackOf(protocol)
      if (gap === undefined && lack !== undefined) return { ...row, outcome: 'unproved', detail: lack }
      const failures = verdict?.failures ?? [broken ?? 'the scenario told nothing about it']
      if (gap !== undefined) {
        const passes = verdict !== undefined && failures.length === 0
        const refuted = passes ? gapRefutedBy(claim, protocol, capabilities) : undefined
        if (refuted === undefined) return { ...row, outcome: 'gap', detail: gap }
        const detail = `${refutedGap}: ${refuted}, "${capabilities.gaps[refuted]}"`
        return { ...row, outcome: 'failed', detail, refutes: refuted }
      }
      if (failures.length === 0) return { ...row, outcome: 'passed', detail: '' }
      return { ...row, outcome: 'failed', detail: failures.join('\n') }
    }),
  )
  const objects = lastObjects(factory)
  if (objects !== undefined && rows.some(({ outcome }) => outcome === 'failed'))
    options.onObjects?.(scenario.name, objects)
  try {
    const node = held.at(-1)
    if (node !== undefined && rows.some(({ outcome }) => outcome === 'failed'))
      await options.onFailedNode?.(scenario.name, node.networkNamespace)
  } finally {
    await endHeldTestbeds(factory)
  }
  return rows
}

/** What a row says that passes in spite of its gap, before the gap's name and sentence. */
export const refutedGap = 'this row passes, but what it needs is declared as a gap; take the gap back'

/** What was thrown, and where in the dataplane's own files that was. */
function describeThrown(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  const place = ownFrames(thrown)
  return [thrown.message, ...place].join('\n')
}

/** The kit's and the core's own frames say nothing to an author. */
function ownFrames(error: Error): readonly string[] {
  const innermost = error.cause instanceof Error ? ownFrames(error.cause) : []
  if (innermost.length > 0) return innermost
  const frames = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '))
  const foreign = frames.filter(
    (line) => !ours.some((folder) => line.includes(folder)) && !line.includes('node:'),
  )
  return foreign.slice(0, 3).map((line) => line.trim())
}

/** Folders of the core, the kit, the lab and the tools that they share, wherever these are installed. */
const ours: readonly string[] = [
  ...['@portolan/core', '@portolan/lab', '@portolan/native'].map((name) =>
    import.meta.resolve(name).replace(/[^/]*$/, ''),
  ),
  import.meta.url.replace(/[^/]*$/, ''),
]

/** @throws when it takes longer: what it waits for may never come, and the next one needn't wait for it */
async function within<Value>(promise: Promise<Value>, milliseconds: number): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const reason = new Error(`it has not ended within ${milliseconds / 1000} s`)
    timer = setTimeout(() => reject(reason), milliseconds)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Those that the dataplane can and the caller wants of a scenario. */
export function familiesOf(
  { families }: Capabilities,
  { families: wanted, inTurns = false, filter }: Pick<ConformanceOptions, 'families' | 'inTurns' | 'filter'>,
  scenario: Scenario,
): readonly IpFamily[] {
  const all = families.filter((family) => wanted?.includes(family) ?? true)
  const hasOwn = scenario.claims.some((claim) => claim.families !== undefined && (filter?.(claim) ?? true))
  if (!inTurns || hasOwn) return all
  const turn = allScenarios.indexOf(scenario) % all.length
  return all.slice(turn, turn + 1)
}

/** Why nothing can be asked in this protocol here; `undefined`: it can. */
export function lackOf(protocol: Row['protocol']): string | undefined {
  return protocol === 'SCTP' && !supportsSctp() ? `this kernel (${release()}) has no SCTP` : undefined
}
