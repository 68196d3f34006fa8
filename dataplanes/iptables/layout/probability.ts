/**
 * The text of the chance that the `index`th of `count` endpoints is taken, given that none before it was, so that all
 * are equally likely; `undefined` for the last one, which takes what is left. The kernel counts in steps of 2^-31, and
 * `iptables-save` prints such a number with 11 decimals.
 */
export function probability(index: number, count: number): string | undefined {
  const left = count - index
  return left <= 1 ? undefined : formatProbability(1 / left)
}

/** The nearest number that the kernel can hold, as `iptables-save` prints it. */
export function formatProbability(chance: number): string {
  return (Math.round(chance * 2 ** 31) / 2 ** 31).toFixed(11)
}
