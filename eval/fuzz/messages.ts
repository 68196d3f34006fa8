import type { Amounts, PhaseName, SearchResult } from '@portolan/conformance/fuzz'

/** What the process of a search is told, once. */
export interface Order {
  /** As `--dataplane` takes it, with options if need be. */
  readonly dataplane: string
  readonly seed: number
  readonly phases: readonly PhaseName[]
  /** Milliseconds for the search, and for making what it finds short. */
  readonly searchMs: number
  /** Of each phase, at the most. */
  readonly rounds?: number
  readonly shrinkMs: number
  /** Milliseconds that any one call of the dataplane may take. */
  readonly callMs: number
  /** How many times as long as on a usual machine everything takes here. */
  readonly slowness: number
  /** What to try alone; absent: search. */
  readonly path?: string
  /** Path of the module with the kit's hooks; absent: looked for in the dataplane's package. */
  readonly underTest?: string
}

/** What it tells, besides that it is alive. */
export type Report =
  | { readonly kind: 'round'; readonly path: string; readonly done: Amounts }
  | { readonly kind: 'found'; readonly path: string; readonly wrong: string }
  | { readonly kind: 'not loaded'; readonly why: string }
  | { readonly kind: 'result'; readonly result: SearchResult; readonly subject: TestedModule }

/** How a test gets the dataplane that was searched. */
export interface TestedModule {
  /** A package, or the path of a file. */
  readonly module: string
  /** Its default export: the factory, or what has one. */
  readonly gives: 'factory' | 'dataplane under test'
  readonly settings: Readonly<Record<string, string>>
}
