/**
 * The smallest items, in their order. The whole list is looked at, but never sorted, and no more than twice `count` items
 * are held.
 */
export function smallest<Item>(
  items: Iterable<Item>,
  count: number,
  compare: (one: Item, other: Item) => number,
): readonly Item[] {
  const held: Item[] = []
  let largest: Item | undefined
  for (const item of items) {
    if (largest !== undefined && compare(item, largest) >= 0) continue
    held.push(item)
    if (held.length < 2 * count) continue
    held.sort(compare)
    held.length = count
    largest = held.at(-1)
  }
  return held.sort(compare).slice(0, count)
}
