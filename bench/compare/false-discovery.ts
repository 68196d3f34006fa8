/**
 * Hundreds of figures are compared at once, and of those one in twenty would be "significant" by chance. Benjamini and
 * Hochberg's procedure keeps the expected share of chance among all that are marked at `rate`; between two runs of the
 * same thing, the chance that anything at all is marked.
 *
 * @returns the probability below which a figure is marked. Intervals of this confidence exclude "no change" for
 *   exactly the marked ones (Benjamini and Yekutieli 2005).
 */
export function markingLevel(probabilities: readonly number[], rate: number): number {
  const count = Math.max(1, probabilities.length)
  const sorted = probabilities.toSorted((a, b) => a - b)
  const last = sorted.findLastIndex((probability, at) => probability <= ((at + 1) * rate) / count)
  return (Math.max(1, last + 1) * rate) / count
}
