/** Until here V8's heap may grow to what it wants. */
export const warmUp = 0.25

/**
 * The highest of the first half of what came after the warm-up, and the highest of the last half: memory that doesn't grow
 * has much the same in both. In the unit of the samples.
 */
export function rssGrowth(samples: readonly number[]): { readonly before: number; readonly after: number } {
  const warm = samples.slice(Math.floor(samples.length * warmUp))
  const middle = Math.ceil(warm.length / 2)
  return { before: Math.max(0, ...warm.slice(0, middle)), after: Math.max(0, ...warm.slice(middle)) }
}
