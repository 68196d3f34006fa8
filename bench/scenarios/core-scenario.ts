import type { ClusterShape } from '../cluster/generated-cluster.ts'
import type { MetricName } from '../results.ts'
import type { Effort } from './node-scenario.ts'

/** A scenario that needs neither a kernel nor a dataplane. */
export interface CoreScenario {
  readonly kind: 'core'
  readonly name: string
  readonly meaning: string
  play(fixture: CoreFixture): Promise<void>
}

export interface CoreFixture {
  readonly shape: ClusterShape
  readonly effort: Effort
  record(scenario: string, metric: MetricName, values: number | readonly number[]): void
}
