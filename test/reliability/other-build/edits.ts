import { pathToFileURL } from 'node:url'

/** A piece of a source, and what another build has in its place. */
export interface Edit {
  /** From the repository's root. */
  readonly file: string
  readonly from: string
  readonly to: string
}

/**
 * What makes another build of this one: other names of chains, sets and their hashes, another version of the layout,
 * structures of eBPF's maps with other fields in another order.
 */
export const edits: readonly Edit[] = [
  {
    file: 'dataplanes/nftables/layout/table.ts',
    from: 'export const layoutVersion = 1\n',
    to: 'export const layoutVersion = 2\n',
  },
  {
    file: 'dataplanes/nftables/layout/sets.ts',
    from: "  name: 'cluster-ips',",
    to: "  name: 'virtual-ips',",
  },
  {
    file: 'dataplanes/iptables/layout/name-hash.ts',
    from: "createHash('sha256')",
    to: "createHash('sha512')",
  },
  {
    file: 'dataplanes/iptables/layout/sets.ts',
    from: 'hashsize 1024 maxelem 16777216',
    to: 'hashsize 1024 maxelem 1048576',
  },
  {
    file: 'dataplanes/ebpf/layout/structures.ts',
    from: '  frontend: struct({ service: 4, verdict: 3, flags: 1 }),',
    to: '  frontend: struct({ verdict: 3, flags: 1, service: 4 }),',
  },
  {
    file: 'dataplanes/ebpf/layout/structures.ts',
    from: '    begun: 4,\n  }),',
    to: '    begun: 4,\n    of_another_build: 8,\n  }),',
  },
]

/** Has a build read its eBPF programs elsewhere. @param folder absolute */
export function editsOfPrograms(folder: string): readonly Edit[] {
  const file = 'native/libbpf/programs.ts'
  return [
    { file, from: '`../bpf/', to: '`' },
    { file, from: 'import.meta.url', to: JSON.stringify(pathToFileURL(`${folder}/`).href) },
  ]
}

/** The same for the C sources of eBPF, which are compiled anew. */
export const programEdits: readonly Edit[] = [
  {
    file: 'native/bpf/structures.h',
    from: 'struct frontend {\n\t__u32 service;\n\t__u8 verdict[3];\n\t__u8 flags;\n};',
    to: 'struct frontend {\n\t__u8 verdict[3];\n\t__u8 flags;\n\t__u32 service;\n};',
  },
  {
    file: 'native/bpf/structures.h',
    from: '/* s, when the connection was new */\n};',
    to: '/* s, when the connection was new */\n\t__u64 of_another_build;\n};',
  },
]

/** @throws Error where the sources are no more what the edit goes by */
export function edited(source: string, { file, from, to }: Edit): string {
  if (source.split(from).length !== 2)
    throw new Error(`${file} doesn't have once what is to be edited: ${from}`)
  return source.replace(from, () => to)
}
