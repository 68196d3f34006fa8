/** `object[name]` where both are objects: nft lists `{ "chain": { ... } }`. */
export function member(object: unknown, name: string): Record<string, unknown> | undefined {
  if (typeof object !== 'object' || object === null) return undefined
  const value = (object as Record<string, unknown>)[name]
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
}
