import { formatProbability } from '@portolan/native/netfilter'

/**
 * The text of the chance that the `index`th of `count` endpoints is taken, given that none before it was, so that all
 * are equally likely; `undefined` for the last one, which takes what is left.
 */
export function probability(index: number, count: number): string | undefined {
  const left = count - index
  return left <= 1 ? undefined : formatProbability(1 / left)
}
