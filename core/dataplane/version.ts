/**
 * Whether a version is older than another one, number by number: kernels (`6.1.0-56-amd64`) and tools (`1.8.9`). What is
 * missing or no number counts as 0.
 */
export function isOlderVersion(version: string, than: string): boolean {
  const numbers = version.split(/[.-]/).map((part) => Number(part) || 0)
  for (const [index, asked] of than.split('.').map(Number).entries()) {
    const have = numbers[index] ?? 0
    if (have !== asked) return have < asked
  }
  return false
}
