import type { BpfMap } from './bpf-map.ts'
import { type BtfStruct, readBtfTypes } from './btf.ts'
import { readMapInfo, readTypes } from './info.ts'

/** How bytes are laid out. Without members: not a structure, or one that the kernel knows nothing of. */
export interface Layout {
  /** Bytes. */
  readonly size: number
  readonly members?: BtfStruct['members']
}

/** What the kernel knows of a map's key and value: those of the version that made it. */
export function readMapLayout({ fd }: BpfMap): { readonly key: Layout; readonly value: Layout } {
  const { keySize, valueSize, types } = readMapInfo(fd)
  const structs = types.btf === 0 ? undefined : readBtfTypes(readTypes(types.btf))
  const layout = (size: number, type: number): Layout => {
    const struct = structs?.get(type)
    return struct === undefined ? { size } : { size, members: struct.members }
  }
  return { key: layout(keySize, types.key), value: layout(valueSize, types.value) }
}
