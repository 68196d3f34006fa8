/** A structure of C as its object file's BTF describes it. Sizes and offsets are bytes. */
export interface BtfStruct {
  readonly size: number
  readonly members: readonly { readonly name: string; readonly offset: number }[]
}

const headerLength = { at: 4 }
const kind = {
  array: 3,
  struct: 4,
  union: 5,
  enum: 6,
  functionPrototype: 13,
  variable: 14,
  dataSection: 15,
  declarationTag: 17,
  integer: 1,
  enum64: 19,
}

/** Reads all named structures of a .BTF section (kernel documentation: bpf/btf.rst). */
export function readBtfStructs(btf: Buffer): Map<string, BtfStruct> {
  return new Map([...readBtfTypes(btf).values()].map(({ name, ...struct }) => [name, struct]))
}

/** The same by the number that other types know them by. */
export function readBtfTypes(btf: Buffer): Map<number, BtfStruct & { readonly name: string }> {
  const start = btf.readUInt32LE(headerLength.at)
  const types = start + btf.readUInt32LE(8)
  const typesEnd = types + btf.readUInt32LE(12)
  const strings = start + btf.readUInt32LE(16)
  const text = (offset: number) => {
    const from = strings + offset
    return btf.toString('utf8', from, btf.indexOf(0, from))
  }

  const structs = new Map<number, BtfStruct & { readonly name: string }>()
  // Type 0 is void, and isn't in there.
  for (let [offset, number] = [types, 1]; offset < typesEnd; number++) {
    const name = text(btf.readUInt32LE(offset))
    const info = btf.readUInt32LE(offset + 4)
    const [members, which] = [info & 0xffff, (info >>> 24) & 0x1f]
    if (which === kind.struct && name !== '') {
      structs.set(number, {
        name,
        size: btf.readUInt32LE(offset + 8),
        members: Array.from({ length: members }, (_, index) => {
          const member = offset + 12 + index * 12
          // Offsets are bits; the upper byte is a bit field's size where the structure has any.
          return {
            name: text(btf.readUInt32LE(member)),
            offset: (btf.readUInt32LE(member + 8) & 0xffffff) / 8,
          }
        }),
      })
    }
    offset += 12 + trailerLength(which, members)
  }
  return structs
}

/** Bytes that follow a type of this kind. */
function trailerLength(which: number, members: number): number {
  switch (which) {
    case kind.integer:
    case kind.variable:
    case kind.declarationTag:
      return 4
    case kind.array:
      return 12
    case kind.struct:
    case kind.union:
    case kind.dataSection:
    case kind.enum64:
      return members * 12
    case kind.enum:
    case kind.functionPrototype:
      return members * 8
    default:
      return 0
  }
}
