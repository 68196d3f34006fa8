import type { BenchResults } from '../results.ts'
export function printTable(_results: BenchResults, _width: number): string {
  return ''
}
