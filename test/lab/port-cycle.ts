/** Source ports from this one to the last of all, each once before any is given again. */
export function portCycle(first: number): () => number {
  let last = first - 1
  return () => {
    last = last === 65_535 ? first : last + 1
    return last
  }
}
