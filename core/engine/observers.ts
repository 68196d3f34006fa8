import type { EngineObserver } from './observer.ts'

/** One observer that tells several, in their order. A method that none of them has is absent, so that it costs nothing. */
export function observers(all: readonly EngineObserver[]): EngineObserver {
  return Object.fromEntries(
    methods.flatMap((method) => {
      const told = all.filter((one) => one[method] !== undefined)
      if (told.length === 0) return []
      return [[method, (what: never) => told.forEach((one) => void tell(one, method, what))]]
    }),
  )
}

const methods = Object.keys({
  onQueued: true,
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

/** What one throws is its own loss: the others are told all the same. */
function tell(observer: EngineObserver, method: keyof EngineObserver, what: never): void {
  try {
    observer[method]?.(what)
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : new Error(String(error)))
  }
}
