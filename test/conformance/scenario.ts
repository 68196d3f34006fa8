import type { Capabilities, DataplaneFactory, IpFamily } from '@portolan/core'
import type { Row, RowClaim, Verdict } from './row.ts'
import type { Timeouts } from './timeouts.ts'

/** A claim, and for which families and protocols a scenario tells about it. */
export interface ScenarioClaim extends RowClaim {
  readonly families?: readonly IpFamily[]
  /** Default: not about a protocol. */
  readonly protocols?: readonly Row['protocol'][]
  /** What of {@link DataplaneUnderTest} it can't be proved without. */
  readonly needs?: 'module' | keyof KitHooks
}

/** Claims that are proved together, because they share a lab. */
export interface Scenario {
  readonly name: string
  readonly claims: readonly ScenarioClaim[]
  /** It takes long, and proves more of the dataplane's own reckoning than of what the kernel does. */
  readonly long?: true
  run(context: ScenarioContext): Promise<readonly Verdict[]>
}

export interface ScenarioContext {
  readonly factory: DataplaneFactory
  /** The module whose default export is the factory, as a URL. */
  readonly module: string | undefined
  readonly settings: Readonly<Record<string, string>>
  /** What the dataplane says of itself. */
  readonly capabilities: Capabilities
  /** Those that the dataplane can and the caller wants. */
  readonly families: readonly IpFamily[]
  readonly hooks: KitHooks
  readonly timeouts: Timeouts
  /** Whether this claim is asked for. */
  wants(claim: RowClaim): boolean
  /** The rows of a claim that can be proved: in protocols that the dataplane lists and this kernel has. */
  expand(claim: ScenarioClaim): readonly ClaimPart[]
}

/** What the kit can't do by itself, because it knows no dataplane's mechanism. Each gets the namespace's path. */
export interface KitHooks {
  /**
   * Damages what the dataplane has in the kernel, from outside, in one of several ways: deletes a table, an element,
   * a rule. `way` counts from 0; returns false when there are no more ways.
   */
  sabotage?(networkNamespace: string, way: number): Promise<boolean>
  /** Puts something of another tool beside it; the returned function tells whether that is still there. */
  foreign?(networkNamespace: string): Promise<() => Promise<boolean>>
}

/** A claim for one family and protocol. */
export type ClaimPart = Pick<Row, 'family' | 'protocol'>

/** Families and protocols of a claim that are to be told about, as rows to be. */
export function expand(claim: ScenarioClaim, families: readonly IpFamily[]): ClaimPart[] {
  const wanted = families.filter((family) => claim.families?.includes(family) ?? true)
  return wanted.flatMap((family) => (claim.protocols ?? ['any']).map((protocol) => ({ family, protocol })))
}
