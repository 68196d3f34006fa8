import type { EngineObserver } from './observer.ts'

/** Those that {@link observers} has made, and whom they tell. */
const joined = new WeakMap<EngineObserver, readonly EngineObserver[]>()

/**
 * One observer that tells several, in their order. A method that none of them has is absent, so that it costs nothing; what
 * one of them throws is its own loss. Joined ones are joined again on the way from the engine to a metric, and every event
 * passes here, so there is one step from the first to the last.
 */
export function observers(given: readonly EngineObserver[]): EngineObserver {
  const all = given.flatMap((one) => joined.get(one) ?? one)
  const made: EngineObserver = Object.fromEntries(
    methods.flatMap((method) => {
      const told = all.flatMap((one): Told | readonly Told[] => one[method]?.bind(one) ?? [])
      const [only] = told
      if (only === undefined) return []
      if (told.length === 1) return [[method, (what: never) => tell(only, what)]]
      const tellAll = (what: never): void => {
        for (const one of told) tell(one, what)
      }
      return [[method, tellAll]]
    }),
  )
  joined.set(made, all)
  return made
}

const methods = Object.keys({
  onPending: true,
  onUnchanged: true,
  onApplied: true,
  onFailed: true,
  onDrift: true,
  onNodeChange: true,
  onDisagreement: true,
  onFlowsForgotten: true,
  onFlowsFailed: true,
  onFault: true,
} satisfies Record<keyof EngineObserver, true>) as readonly (keyof EngineObserver)[]

type Told = (what: never) => void

function tell(told: Told, what: never): void {
  try {
    told(what)
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : new Error(String(error)))
  }
}
