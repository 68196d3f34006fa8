import type { Lab } from '@portolan/lab'
import type { ApiServerAddress, ApiServerProcess } from '../cluster/api-server.ts'
import type { ClusterShape } from '../cluster/generated-cluster.ts'
import type { MetricName } from '../metrics.ts'
import type { ProxyUnderTest } from '../proxy/proxy-under-test.ts'

export type Effort = 'quick' | 'thorough'

/** What a scenario runs on: a virtual node with the proxy on it, and an API server with the cluster. */
export interface NodeFixture {
  readonly lab: Lab
  readonly shape: ClusterShape
  readonly server: ApiServerProcess
  readonly address: ApiServerAddress
  readonly proxy: ProxyUnderTest
  readonly effort: Effort
  /** How many times as fast a recording is replayed; absent: as fast as it was. */
  readonly speed?: number
  /** How many endpoints a soak replaces; absent: by the effort. */
  readonly changes?: number
  /** Milliseconds until the proxy must have made the probe Services answer; absent: 20 minutes. */
  readonly readyTimeoutMs?: number
  record(scenario: string, metric: MetricName, values: number | readonly number[]): void
  /** Tells the one who runs it what is not in the figures, once. */
  warn(text: string): void
}

/** A scenario on a virtual node. The proxy runs when it begins, and holds what the cluster says. */
export interface NodeScenario {
  readonly kind: 'node'
  readonly name: string
  readonly meaning: string
  /** Whether another program, known from outside only, can be measured by it. */
  readonly fromOutside: boolean
  play(fixture: NodeFixture): Promise<void>
}

/** For scenarios that need what only our own process reports. @throws for another program */
export function internalsOf({ proxy }: NodeFixture): NonNullable<ProxyUnderTest['internals']> {
  if (proxy.internals === undefined) throw new Error('this scenario needs a proxy that tells of itself')
  return proxy.internals
}
