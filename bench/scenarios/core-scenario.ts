import type { ClusterShape } from '../cluster/generated-cluster.ts'
import type { MetricName } from '../metrics.ts'
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
  /** Path of a kubeconfig; absent: the embedded API server. */
  readonly apiServer?: string
  record(scenario: string, metric: MetricName, values: number | readonly number[]): void
  /** Tells the one who runs it what is not in the figures, once. */
  warn(text: string): void
}
