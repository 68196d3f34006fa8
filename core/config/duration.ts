const units: Readonly<Record<string, number>> = {
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/**
 * Milliseconds of a duration in the spelling of kube-proxy's flags (Go's): `250ms`, `1s`, `1m30s`, `0`.
 * `undefined` where it is none; negative durations are none.
 */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  if (!/^(\d+(\.\d+)?(us|µs|ms|s|m|h))+$/.test(text)) return undefined
  let milliseconds = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(us|µs|ms|s|m|h)/g)) {
    milliseconds += Number(amount) * (units[unit ?? ''] ?? 0)
  }
  return milliseconds
}
