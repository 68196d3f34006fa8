const decimal = /^(0|[1-9][0-9]{0,127})$/

/**
 * Whether `version` is older than `than`. Since Kubernetes 1.35 (KEP-5504) resource versions of one resource are
 * decimal numbers that may be compared; in practice they always were. Anything else is never older.
 */
export function isOlder(version: string, than: string): boolean {
  if (!decimal.test(version) || !decimal.test(than)) return false
  return version.length !== than.length ? version.length < than.length : version < than
}
