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
