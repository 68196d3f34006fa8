/**
 * One copy of strings that thousands of objects repeat (namespaces, node names, zones, port names): a JSON parser
 * makes a new one every time. Emptied when it is full, so that names which come and go with an autoscaler can't pile
 * up over the years; what lives on keeps its copy and is shared again from the next occurrence.
 */
const pool = new Map<string, string>()
const poolSize = 65_536

export function interned(text: string): string {
  const known = pool.get(text)
  if (known !== undefined) return known
  if (pool.size >= poolSize) pool.clear()
  pool.set(text, text)
  return text
}

const lists = new Map<string, readonly string[]>()

/**
 * The same for a list of one such string, as an endpoint's hint for its zone is: an array that grew by a `push` takes
 * 184 bytes, which was a third of all that is kept of an endpoint.
 */
export function internedList(only: string): readonly string[] {
  const known = lists.get(only)
  if (known !== undefined) return known
  if (lists.size >= poolSize) lists.clear()
  const list = Object.freeze([interned(only)])
  lists.set(only, list)
  return list
}
