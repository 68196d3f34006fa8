/**
 * One copy of strings that thousands of objects repeat (namespaces, node names, zones, port names): a JSON parser
 * makes a new one every time. Emptied when it is full, so that names which come and go with an autoscaler can't pile
 * up over the years; what lives on keeps its copy and is shared again from the next occurrence.
 */
const pool = new Map<string, string>()
const poolSize = 65_536

/**
 * Each place holds the last string of its hash. Hot: an endpoint names a node and a zone, which nearly always are here, and
 * a map of thousands is looked into from memory that no cache of the processor holds (`portolan bench --scenario core`).
 */
const recent: string[] = new Array(1024).fill('')

/** Longer ones are seldom repeated. */
const recentCharacters = 64

export function interned(text: string): string {
  if (text.length > recentCharacters) return pooled(text)
  let hash = text.length
  for (let index = 0; index < text.length; index++) hash = (Math.imul(hash, 31) + text.charCodeAt(index)) | 0
  const place = (hash ^ (hash >>> 10)) & (recent.length - 1)
  const last = recent[place]
  if (last === text) return last
  const known = pooled(text)
  recent[place] = known
  return known
}

function pooled(text: string): string {
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
