import { existsSync } from 'node:fs'
import {
  inNetworkNamespace,
  listInterfaces,
  type NetworkInterface,
  networkNamespaceCookie,
} from '@portolan/native'
import {
  attachedProgramTag,
  attachToCgroup,
  attachToInterface,
  type BpfObject,
  type CgroupHook,
  type Direction,
  detachFromInterface,
  linkedProgramTag,
  removeUnusedHook,
} from '@portolan/native/libbpf'
import type { NodeState } from './held.ts'
import { allMaps, packetPrograms, socketPrograms } from './layout.ts'
import { linkPin } from './pins.ts'
import { type EbpfSettings, findPaths, matches } from './settings.ts'

/** Which filter at an interface's clsact hooks is ours. */
export const place = { priority: 0x706f, handle: 1 } as const

const directions = Object.entries(packetPrograms) as [Direction, (typeof packetPrograms)[Direction]][]
const hooks = Object.entries(socketPrograms) as [CgroupHook, (typeof socketPrograms)[CgroupHook]][]

/** Runs where the node's interfaces are. */
export function inNode<Result>({ networkNamespace }: EbpfSettings, run: () => Result): Result {
  return networkNamespace === undefined ? run() : inNetworkNamespace(networkNamespace, run)
}

/** What the programs have to know about the node, as it is now. */
export function readNode(settings: EbpfSettings): NodeState {
  return {
    cookie: inNode(settings, networkNamespaceCookie),
    ...(settings.podNamespaces === undefined
      ? {}
      : { podNamespaces: findPaths(settings.podNamespaces).flatMap(cookieOf) }),
    interfaces: listInterfaces(settings.networkNamespace).filter((one) => isServed(one, settings)),
    ports: settings.ports,
  }
}

/** A namespace that goes away meanwhile has no sockets either. */
function cookieOf(path: string): bigint[] {
  try {
    return [inNetworkNamespace(path, networkNamespaceCookie)]
  } catch {
    return []
  }
}

/** What comes in by a member of a bridge or bond comes in by that as well, and there it is looked at. */
function isServed({ name, ethernet, up, master }: NetworkInterface, { interfaces }: EbpfSettings): boolean {
  return ethernet && up && master === 0 && matches(name, interfaces)
}

/** Every hook and pin of the node that doesn't hold what it should, named for a person. */
export function findDetached(
  object: BpfObject,
  settings: EbpfSettings,
  { interfaces }: NodeState,
  directory: string,
  maps: string,
): string[] {
  const sockets = hooks.filter(
    ([hook, name]) => linkedProgramTag(linkPin(directory, hook)) !== object.program(name).tag,
  )
  const packets = inNode(settings, () =>
    interfaces.flatMap(({ index, name }) =>
      directions
        .filter(
          ([direction, program]) =>
            attachedProgramTag(index, direction, place) !== object.program(program).tag,
        )
        .map(([direction, program]) => `${program} to ${name} ${direction}`),
    ),
  )
  return [
    ...sockets.map(([hook, name]) => `${name} to cgroup ${hook}`),
    ...packets,
    ...allMaps.filter((map) => !existsSync(`${maps}/${map}`)).map((map) => `map ${map} to ${maps}`),
  ]
}

/** Attaches every program where it belongs; one that is there is replaced without a gap. @throws BpfError */
export function attachAll(
  object: BpfObject,
  settings: EbpfSettings,
  cgroup: string,
  directory: string,
  maps: string,
): void {
  object.pin(maps)
  attachToInterfaces(object, settings, readNode(settings))
  for (const [hook, program] of hooks) {
    attachToCgroup(object.program(program), cgroup, hook, linkPin(directory, hook))
  }
}

/** The part of that for interfaces, which come and go. @throws BpfError */
export function attachToInterfaces(
  object: BpfObject,
  settings: EbpfSettings,
  { interfaces }: NodeState,
): void {
  inNode(settings, () => {
    for (const { index, name } of interfaces) {
      for (const [direction, program] of directions) {
        try {
          attachToInterface(object.program(program), index, direction, place)
        } catch (error) {
          // An interface that has gone in the meantime needs no program.
          if (listInterfaces().some((one) => one.name === name)) throw error
        }
      }
    }
  })
}

/** Detaches our programs from all interfaces. @returns what was there, named for a person */
export function detachInterfaces(settings: EbpfSettings): string[] {
  return inNode(settings, () =>
    listInterfaces().flatMap(({ index, name }) => {
      const detached = directions.filter(([direction]) => detachFromInterface(index, direction, place))
      if (detached.length > 0) removeUnusedHook(index)
      return detached.map(([direction, program]) => `program ${program} at ${name} ${direction}`)
    }),
  )
}
