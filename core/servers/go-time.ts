/**
 * Milliseconds since the epoch as Go prints a time in JSON, in UTC: RFC 3339 with as many decimals as it takes. Absent: Go's
 * zero time.
 */
export function goTime(epochMs: number | undefined): string {
  if (epochMs === undefined) return '0001-01-01T00:00:00Z'
  return new Date(epochMs).toISOString().replace(/\.?0*Z$/, 'Z')
}
