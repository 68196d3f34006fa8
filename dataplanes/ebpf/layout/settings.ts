import type { DataplaneOptions } from '@portolan/core'
import { allMaps, type MapName } from './maps.ts'

/** The options of this dataplane, read and checked. */
export interface EbpfSettings {
  /** Network namespace of the node, as a path; absent: the process's own. */
  readonly networkNamespace: string | undefined
  /** Where programs at sockets are attached: the root of the cgroup2 hierarchy unless told. */
  readonly cgroup: string | undefined
  /**
   * Patterns of paths of the pods' network namespaces, each with at most one `*` at its end. Absent: every namespace
   * but the node's is a pod's.
   */
  readonly podNamespaces: readonly string[] | undefined
  /** Source ports of masqueraded connections; not to be among the node's own (net.ipv4.ip_local_port_range). */
  readonly ports: { readonly first: number; readonly last: number }
  /**
   * Names of interfaces that programs are attached to, each with at most one `*` at its end; {@link defaultRoute} means
   * those by which default routes leave.
   */
  readonly interfaces: readonly string[]
  /** How programs are attached to interfaces; `auto`: tcx where the kernel has it (Linux 6.6). */
  readonly packetHook: 'auto' | 'tcx' | 'clsact'
  /** Sizes of maps that differ from those of native/bpf/maps.h. */
  readonly sizes: Readonly<Partial<Record<MapName, number>>>
}

/** In place of a name in the setting `interfaces`. */
export const defaultRoute = 'default-route'

/** The setting for the number of a map's elements; `undefined`: its size is fixed. */
export function sizeSetting(map: MapName): string | undefined {
  return map === 'node_settings' ? undefined : `${map}-size`
}

const settingNames = [
  'cgroup',
  'pod-namespaces',
  'masquerade-ports',
  'interfaces',
  'packet-hook',
  ...allMaps.flatMap((map) => sizeSetting(map) ?? []),
]

/** @throws RangeError naming the setting, its value, and what would be right */
export function readSettings({ settings, networkNamespace }: DataplaneOptions): EbpfSettings {
  for (const name of Object.keys(settings)) {
    if (!settingNames.includes(name))
      throw new RangeError(`setting ${JSON.stringify(name)} is unknown; there are ${settingNames.join(', ')}`)
  }
  const sizes: Partial<Record<MapName, number>> = {}
  for (const map of allMaps) {
    const name = sizeSetting(map)
    const value = name === undefined ? undefined : settings[name]
    if (value === undefined) continue
    if (!/^\d{1,8}$/.test(value) || Number(value) < 16)
      throw new RangeError(
        `${name} ${JSON.stringify(value)}: it must be a number of elements from 16 to 99999999`,
      )
    sizes[map] = Number(value)
  }
  // Of another namespace's node nobody knows which of the machine's namespaces are its pods'.
  const podNamespaces = settings['pod-namespaces'] ?? (networkNamespace === undefined ? undefined : '')
  return {
    networkNamespace,
    cgroup: settings.cgroup,
    podNamespaces: podNamespaces?.split(',').filter((pattern) => pattern !== ''),
    ports: readPorts(settings['masquerade-ports'] ?? '61000-65535'),
    interfaces: (settings.interfaces ?? '*').split(','),
    packetHook: readPacketHook(settings['packet-hook'] ?? 'auto'),
    sizes,
  }
}

function readPacketHook(value: string): EbpfSettings['packetHook'] {
  if (value === 'auto' || value === 'tcx' || value === 'clsact') return value
  throw new RangeError(`packet-hook ${JSON.stringify(value)}: it must be auto, tcx or clsact`)
}

function readPorts(value: string): EbpfSettings['ports'] {
  const [, first, last] = /^(\d{1,5})-(\d{1,5})$/.exec(value) ?? []
  const ports = { first: Number(first), last: Number(last) }
  if (!(ports.first >= 1024 && ports.first <= ports.last && ports.last <= 65_535))
    throw new RangeError(
      `masquerade-ports ${JSON.stringify(value)}: it must be FIRST-LAST within 1024 and 65535, as 61000-65535`,
    )
  return ports
}
