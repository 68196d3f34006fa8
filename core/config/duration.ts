/** Milliseconds. */
const units: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

const amountAndUnit = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/
const [eachPart, onlyParts] = [
  new RegExp(amountAndUnit, 'g'),
  new RegExp(`^\\+?(0|(${amountAndUnit.source})+)$`),
]

/**
 * Milliseconds of a duration in the spelling of kube-proxy's flags (Go's `time.ParseDuration`): `250ms`, `1s`, `1m30s`,
 * `.5s`, `+1h`, `0`. `undefined` where it is none; negative durations are none.
 */
export function parseDuration(text: string): number | undefined {
  if (text.length > 64 || !onlyParts.test(text)) return undefined
  let milliseconds = 0
  for (const [, amount, unit] of text.matchAll(eachPart)) {
    milliseconds += Number(amount) * (units[unit ?? ''] ?? 0)
  }
  return milliseconds
}

/** As Go prints it: `24h0m0s`, `1m30s`, `30s`, `250ms`, `0s`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds === 0) return '0s'
  if (milliseconds < 1) return `${round(milliseconds * 1000)}µs`
  if (milliseconds < 1000) return `${round(milliseconds)}ms`
  const seconds = milliseconds / 1000
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  const rest = `${round(seconds - hours * 3600 - minutes * 60)}s`
  return hours > 0 ? `${hours}h${minutes}m${rest}` : minutes > 0 ? `${minutes}m${rest}` : rest
}

function round(value: number): number {
  return Number(value.toFixed(6))
}
