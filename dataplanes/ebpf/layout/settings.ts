import { type SettingDeclarations, SettingError, type SettingValues } from '@portolan/core'
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

/** Maps whose size is an option. */
const sizedMaps = allMaps.filter((map) => sizeSetting(map) !== undefined)

const sizes = Object.fromEntries(
  sizedMaps.map((map) => [
    `${map}-size`,
    {
      type: 'integer',
      min: 16,
      max: 99_999_999,
      description: `elements that the map ${map} has room for`,
    },
  ]),
) satisfies SettingDeclarations

/** What `--dataplane-option` may say. */
export const settings = {
  ...sizes,
  cgroup: {
    type: 'text',
    format: 'PATH',
    description: 'where programs at sockets are attached; without it, the root of the cgroup2 hierarchy',
  },
  'pod-namespaces': {
    type: 'list',
    format: 'PATH',
    description:
      "the pods' network namespaces, each with at most one * at its end; without it, all but the node's",
  },
  'masquerade-ports': {
    type: 'text',
    format: 'FIRST-LAST',
    expects: 'FIRST-LAST within 1024 and 65535, as 61000-65535',
    default: '61000-65535',
    parse: readPorts,
    description:
      'source ports of masqueraded connections, within 1024 and 65535, none of which the node itself uses',
  },
  interfaces: {
    type: 'list',
    format: 'NAME',
    default: '*',
    description:
      'interfaces that programs are attached to, each with at most one * at its end; default-route: those by which ' +
      'default routes leave',
  },
  'packet-hook': {
    type: 'choice',
    choices: ['auto', 'tcx', 'clsact'],
    default: 'auto',
    description: 'how programs are attached to interfaces; auto: tcx where the kernel has it (Linux 6.6)',
  },
} as const satisfies SettingDeclarations

/** What the options come to. @throws SettingError for what can't be meant */
export function readSettings(
  values: SettingValues<typeof settings>,
  networkNamespace: string | undefined,
): EbpfSettings {
  if (values.interfaces.length === 0)
    throw new SettingError(
      `option interfaces names no interface, so that nothing would be attached; leave it out for all of them, or name some: ${defaultRoute}, eth*`,
    )
  const chosen: Readonly<Record<string, unknown>> = values
  const given = sizedMaps.flatMap((map) => {
    const size = chosen[`${map}-size`]
    return typeof size === 'number' ? [[map, size] as const] : []
  })
  return {
    networkNamespace,
    cgroup: values.cgroup,
    // Of another namespace's node it is unknown which of the machine's namespaces are its pods'.
    podNamespaces: values['pod-namespaces'] ?? (networkNamespace === undefined ? undefined : []),
    ports: values['masquerade-ports'],
    interfaces: values.interfaces,
    packetHook: values['packet-hook'],
    sizes: Object.fromEntries(given),
  }
}

function readPorts(value: string): EbpfSettings['ports'] | undefined {
  const [, first, last] = /^(\d{1,5})-(\d{1,5})$/.exec(value) ?? []
  const ports = { first: Number(first), last: Number(last) }
  return ports.first >= 1024 && ports.first <= ports.last && ports.last <= 65_535 ? ports : undefined
}
