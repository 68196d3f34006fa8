import type { Lab } from '@portolan/lab'
import type { ApiServerAddress, ApiServerProcess } from '../cluster/api-server.ts'
import type { ClusterShape } from '../cluster/generated-cluster.ts'
import type { Subject } from '../proxy/proxy-under-test.ts'
import type { MetricName } from '../results.ts'

export type Effort = 'quick' | 'thorough'

/** What a scenario plays on: a virtual node with the subject on it, and an API server with the cluster. */
export interface Stage {
  readonly lab: Lab
  readonly shape: ClusterShape
  readonly server: ApiServerProcess
  readonly address: ApiServerAddress
  readonly subject: Subject
  readonly effort: Effort
  /** How many times as fast a recording is replayed; absent: as fast as it was. */
  readonly speed?: number
  /** Milliseconds until the subject must have made the probe Services answer; absent: 20 minutes. */
  readonly patienceMs?: number
  record(scenario: string, metric: MetricName, values: number | readonly number[]): void
  /** Tells the one who runs it what is not in the figures, once. */
  warn(text: string): void
}

/** A scenario that says itself what to do on the stage. The subject runs, and holds what the cluster says. */
export interface StageScenario {
  readonly kind: 'stage'
  readonly name: string
  readonly meaning: string
  /** Whether another program, known from outside only, can be measured by it. */
  readonly fromOutside: boolean
  play(stage: Stage): Promise<void>
}

/** Scenarios that need to know of the subject what only ours tells. @throws for another program */
export function insideOf({ subject }: Stage): NonNullable<Subject['inside']> {
  if (subject.inside === undefined) throw new Error('this scenario needs a subject that tells of itself')
  return subject.inside
}
