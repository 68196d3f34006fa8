import { styleText } from 'node:util'

/** What the demo prints; colours only on a terminal. */

export function heading(text: string): void {
  console.log(`\n${styleText('bold', text)}`)
}

export function note(text: string): void {
  console.log(`  ${text}`)
}

export function row(columns: readonly string[], widths: readonly number[], good?: boolean): void {
  const cells = columns.map((column, index) => column.padEnd(widths[index] ?? 0))
  const line = `  ${cells.join('  ').trimEnd()}`
  if (good === undefined) console.log(styleText('dim', line))
  else console.log(good ? line : styleText('red', line))
}

/** Tells of something that takes time, and how long it took. */
export async function timed<Result>(text: string, work: () => Promise<Result>): Promise<Result> {
  const start = performance.now()
  if (process.stdout.isTTY) process.stdout.write(`  ${text} ...`)
  const result = await work()
  const line = `  ${text} ${styleText('dim', `${Math.round(performance.now() - start)} ms`)}`
  console.log(process.stdout.isTTY ? `\r\u001b[K${line}` : line)
  return result
}
