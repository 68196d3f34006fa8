import type { MetricName, Unit } from './metrics.ts'

/**
 * What a benchmark run leaves: plain data, written as `results.json`, drawn by the report, and put side by side by
 * `portolan bench compare`. Raised `schemaVersion`: a reader of the one before would misread it.
 */
export const schemaVersion = 1

export interface BenchResults {
  readonly schemaVersion: typeof schemaVersion
  /** The command that makes this file again, as a person would type it. */
  readonly command: string
  readonly machine: Machine
  /** Everything that was asked for, also what this node can't run. */
  readonly dataplanes: readonly Candidate[]
  readonly results: readonly Result[]
  /** What was begun and not measured to its end; absent in files from before there was this field. */
  readonly failures?: readonly Failure[]
}

export interface Machine {
  /** `Linux 6.18.5` */
  readonly kernel: string
  /** `AMD EPYC 7B13` */
  readonly cpu: string
  readonly architecture: string
  /** Those that the benchmark may use. */
  readonly cores: number
  readonly memoryBytes: number
  /** Of portolan, node, and the tools that the dataplanes told of: `{ nft: '1.0.6' }`. */
  readonly versions: Readonly<Record<string, string>>
  /** When the run began, ISO 8601 in UTC. */
  readonly date: string
}

/** A thing that was, or could not be, measured. */
export interface Candidate {
  /** What `Result.dataplane` says. */
  readonly name: string
  /** `dataplane`: a package. `baseline`: a layout of upstream's, written alone. `external`: another program. */
  readonly kind: 'dataplane' | 'baseline' | 'external'
  /** Which of its ways it took here: `legacy` or `nft` with iptables. */
  readonly variant?: string
  readonly usable: boolean
  /** Why it can't run here, each with what to do about it; empty when it can. */
  readonly reason: string
}

/** One metric of one scenario, at one size. Of a metric that is taken once, all four figures are the same. */
export interface Result {
  /** A candidate's name; `core` for what is measured without any. */
  readonly dataplane: string
  /** A scenario's name: `endpoint-replaced`. */
  readonly scenario: string
  readonly services: number
  readonly endpointsPerService: number
  readonly metric: MetricName
  readonly unit: Unit
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
  /** How many values these are the quantiles of, all runs together. */
  readonly samples: number
  /** The median of each run (`--repeat`): how much one run differs from the next. */
  readonly runs: readonly number[]
  /** The least that the same kernel writes cost here, with nothing around them. */
  readonly lowerBound?: LowerBound
}

/** One size of one candidate that was given up in one run. What had been measured until then is among the results. */
export interface Failure {
  /** As in a result. */
  readonly dataplane: string
  readonly services: number
  readonly endpointsPerService: number
  /** Of `--repeat`: 0, 1, ... */
  readonly run: number
  /**
   * Where it stopped, a scenario's name or `lower-bound`: neither that nor what comes after it was measured. Empty: before
   * any.
   */
  readonly scenario: string
  readonly reason: string
}

export interface LowerBound {
  readonly p50: number
  readonly p99: number
  readonly samples: number
  /**
   * `writes`: the very bytes or map values sent to the kernel again from prepared buffers; `apply`: compiled programs
   * applied one after the other, for a mechanism whose writes can't be recorded.
   */
  readonly of: 'writes' | 'apply'
}
