import type { Extent, Fault } from './fault.ts'
import { createScene, type DataplaneName, type SceneOptions } from './scene.ts'
import { type Outcome, tryFault } from './try-fault.ts'

export interface FaultRun {
  readonly faults: readonly Fault[]
  readonly dataplanes: readonly DataplaneName[]
  readonly server: SceneOptions['server']
  readonly services: number
  /** See {@link SceneOptions}. */
  readonly slowness?: number
  readonly extent: Extent
  /** Told what begins, and how far it is. */
  onStep?(what: string): void
  onOutcome?(outcome: Outcome): void
}

/** Tries each fault on each dataplane that it is for, on one node for each. */
export async function runFaults(run: FaultRun): Promise<Outcome[]> {
  const { faults, dataplanes, server, services, extent, slowness = 1 } = run
  const outcomes: Outcome[] = []
  for (const dataplane of dataplanes) {
    const fitting = faults.filter(
      (fault) =>
        (fault.dataplanes?.includes(dataplane) ?? true) && (server === 'embedded' || !fault.needsAnswers),
    )
    if (fitting.length === 0) continue
    run.onStep?.(`${dataplane}: a node`)
    await using scene = await createScene({ dataplane, server, services, slowness })
    for (const fault of fitting) {
      const outcome = await tryFault(scene, fault, {
        extent,
        onRound: (round, of) =>
          run.onStep?.(`${dataplane}: ${fault.group}: ${fault.name}: ${round} of ${of}`),
      })
      outcomes.push(outcome)
      run.onOutcome?.(outcome)
    }
  }
  return outcomes
}
