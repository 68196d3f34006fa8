/** What a person needs of an error that stops one cell only: its first lines, in one. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.split('\n').slice(0, 3).join(' ')
}
