import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Whether a name or path is meant by one of the patterns. */
export function matches(name: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
  )
}

/** Paths of existing files that the patterns mean. */
export function findPaths(patterns: readonly string[]): string[] {
  return patterns.flatMap((pattern) => {
    const directory = dirname(pattern)
    try {
      return readdirSync(directory)
        .map((name) => join(directory, name))
        .filter((path) => matches(path, [pattern]))
    } catch {
      return []
    }
  })
}
