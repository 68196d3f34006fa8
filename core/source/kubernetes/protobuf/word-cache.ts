/** Longer text is seldom repeated, and dear to compare. */
const wordBytes = 64

/** Each place holds the last word of its hash. */
const places = 8192

const words: (string | undefined)[] = new Array(places).fill(undefined)

/**
 * The text of bytes that are ASCII; `undefined` for longer or other ones. Names of nodes, zones and ports are there once,
 * however often they come: making a string is what reading protobuf costs most of.
 */
export function textOfAscii(bytes: Buffer, begin: number, end: number): string | undefined {
  const length = end - begin
  if (length > wordBytes) return undefined
  let hash = length
  let all = 0
  for (let index = begin; index < end; index++) {
    const byte = bytes[index] as number
    all |= byte
    hash = (Math.imul(hash, 31) + byte) | 0
  }
  if (all > 0x7f) return undefined
  const place = (hash ^ (hash >>> 13)) & (places - 1)
  const known = words[place]
  if (known !== undefined && known.length === length && isText(known, bytes, begin)) return known
  const word = bytes.toString('latin1', begin, end)
  words[place] = word
  return word
}

function isText(text: string, bytes: Buffer, begin: number): boolean {
  for (let index = 0; index < text.length; index++)
    if (text.charCodeAt(index) !== bytes[begin + index]) return false
  return true
}
