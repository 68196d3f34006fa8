/** What a sample of values says, each by the nearest rank: a value that really occurred. */
export interface Quantiles {
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
  readonly samples: number
}

/** @throws RangeError when there are no values, or one isn't a finite number */
export function quantiles(values: readonly number[]): Quantiles {
  if (values.length === 0) throw new RangeError('quantiles: there are no values')
  const wrong = values.find((value) => !Number.isFinite(value))
  if (wrong !== undefined) throw new RangeError(`quantiles: ${wrong} is no finite number`)
  const sorted = Float64Array.from(values).sort()
  const at = (share: number) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1), samples: sorted.length }
}

export function median(values: readonly number[]): number {
  return quantiles(values).p50
}
