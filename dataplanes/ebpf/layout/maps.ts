/** What user space writes of the table, and about the node. */
export const tableMaps = ['frontends', 'services', 'endpoints', 'ranges', 'members'] as const
export const nodeMaps = ['devices', 'namespaces', 'node_settings'] as const

/** In which the programs remember connections. */
export const connectionMaps = [
  'affinities',
  'flows',
  'untranslated',
  'fragments',
  'peers',
  'choices',
] as const

export const allMaps = [...tableMaps, ...nodeMaps, ...connectionMaps] as const

export type MapName = (typeof allMaps)[number]

/** Those of the iterator that closes sockets; see programs.ts. */
export const closingMaps = ['peers', 'removed'] as const
