import type { Layout } from '@portolan/native/libbpf'

/** Bytes that keep their meaning: from where to where. */
interface Move {
  readonly from: number
  readonly to: number
  readonly width: number
}

/** Turns keys or values of one layout into those of another. */
export interface Conversion {
  readonly size: number
  readonly moves: readonly Move[]
}

/**
 * How what another version has written becomes what this one reads; `undefined`: it can't. Fields are known by their
 * names, so one whose meaning changes needs another name. Those of a key must be the same ones; a value may have lost
 * some, and new ones are zero. Names that begin with `pad` are no fields.
 */
export function conversionOf(before: Layout, now: Layout, what: 'key' | 'value'): Conversion | undefined {
  const [old, wanted] = [fieldsOf(before), fieldsOf(now)]
  if (old === undefined || wanted === undefined)
    return before.size === now.size
      ? { size: now.size, moves: [{ from: 0, to: 0, width: now.size }] }
      : undefined
  const moves: Move[] = []
  for (const [name, { offset, width }] of wanted) {
    const there = old.get(name)
    if (there === undefined) {
      if (what === 'key') return undefined
      continue
    }
    if (there.width !== width) return undefined
    moves.push({ from: there.offset, to: offset, width })
  }
  if (what === 'key' && old.size !== wanted.size) return undefined
  return moves.length === 0 ? undefined : { size: now.size, moves }
}

/** Writes the converted bytes at an offset of zeroed ones. */
export function convert({ moves }: Conversion, bytes: Buffer, into: Buffer, at: number): void {
  for (const { from, to, width } of moves) bytes.copy(into, at + to, from, from + width)
}

function fieldsOf({ size, members }: Layout): Map<string, { offset: number; width: number }> | undefined {
  if (members === undefined) return undefined
  const fields = members.map(({ name, offset }, index) => {
    const end = members[index + 1]?.offset ?? size
    return [name, { offset, width: end - offset }] as const
  })
  return new Map(fields.filter(([name]) => !name.startsWith('pad')))
}
