import { existsSync } from 'node:fs'
import { listInterfaces, type NetworkInterface } from '@portolan/native'
import {
  attachToCgroup,
  type BpfObject,
  type BpfProgram,
  type CgroupHook,
  type Direction,
  programAtCgroup,
  readProgramInfoOf,
} from '@portolan/native/libbpf'
import { allMaps } from '../layout/maps.ts'
import { bridgeOf } from '../layout/node-elements.ts'
import type { NodeState } from '../layout/observed-state.ts'
import {
  barePacketPrograms,
  packetPrograms,
  socketPrograms,
  switchedPacketPrograms,
} from '../layout/programs.ts'
import type { EbpfSettings } from '../layout/settings.ts'
import { findCgroup } from './cgroup-root.ts'
import { clsact, type PacketHook, packetHooks, tcx } from './packet-hook.ts'
import { linkPin, markPrograms, type NodePins } from './pins.ts'
import { inNode, readNode } from './read-node.ts'

const directions = ['ingress', 'egress'] as const satisfies readonly Direction[]
const hooks = Object.entries(socketPrograms) as [CgroupHook, (typeof socketPrograms)[CgroupHook]][]

/** `undefined`: none is to be there. */
function programFor(object: BpfObject, one: NetworkInterface, direction: Direction): BpfProgram | undefined {
  const programs: Partial<Record<Direction, string>> =
    bridgeOf(one) !== undefined
      ? switchedPacketPrograms
      : one.header === 'none'
        ? barePacketPrograms
        : packetPrograms
  const name = programs[direction]
  return name === undefined ? undefined : object.program(name)
}

/**
 * Whether a hook has the program, or one that does the same with the same maps; or none, where none is to be.
 *
 * @param object given: what was attached by earlier processes came from the same object file, so the instructions tell
 */
function isThere(attached: number | undefined, program: BpfProgram | undefined, object?: BpfObject): boolean {
  if (program === undefined || attached === undefined) return attached === program
  if (attached === program.id) return true
  const there = object === undefined ? undefined : readProgramInfoOf(attached)
  if (object === undefined || there?.tag !== program.tag) return false
  // Each load makes maps of its own besides; those that are pinned count.
  return [...object.maps.values()].every(({ id }) => there.maps.includes(id) === program.maps.includes(id))
}

/** Where the programs at sockets belong; `undefined`: nowhere, no cgroup2 is mounted. */
export function socketCgroup({ cgroup }: EbpfSettings): string | undefined {
  return cgroup ?? findCgroup()
}

function socketProgram(
  settings: EbpfSettings,
  hook: CgroupHook,
  { directory }: NodePins,
): number | undefined {
  const cgroup = socketCgroup(settings)
  return cgroup === undefined ? undefined : programAtCgroup(cgroup, linkPin(directory, hook))
}

/** Every hook and pin of the node that doesn't hold what it should, named for a person. */
export function findDetached(
  object: BpfObject,
  settings: EbpfSettings,
  { interfaces }: NodeState,
  pins: NodePins,
): string[] {
  const { used } = packetHooks(object, settings, pins.directory)
  const earlier = existsSync(pins.programs) ? object : undefined
  const sockets = hooks.filter(
    ([hook, name]) => !isThere(socketProgram(settings, hook, pins), object.program(name), earlier),
  )
  const packets = inNode(settings, () =>
    interfaces.flatMap((one) =>
      directions
        .map((direction) => [direction, programFor(object, one, direction)] as const)
        .filter(([direction, program]) => !isThere(used.attached(one.index, direction), program, earlier))
        .filter(([direction]) => used.serves(one.index, direction))
        .map(
          ([direction, program]) => `${program?.name ?? 'nothing'} to ${one.name} ${used.name} ${direction}`,
        ),
    ),
  )
  const served = interfaces.map(({ index }) => index)
  const unwanted = inNode(settings, () =>
    used
      .others(served)
      .filter((index) => directions.some((direction) => used.attached(index, direction) !== undefined)),
  )
  return [
    ...sockets.map(([hook, name]) => `${name} to cgroup ${hook}`),
    ...packets,
    ...unwanted.map((index) => `nothing to interface ${index}`),
    ...allMaps.filter((map) => !existsSync(`${pins.maps}/${map}`)).map((map) => `map ${map} to ${pins.maps}`),
  ]
}

/**
 * Attaches every program where it belongs; one that is there is replaced without a gap.
 *
 * @returns what an operator should know
 * @throws BpfError
 */
export function attachAll(
  object: BpfObject,
  settings: EbpfSettings,
  cgroup: string,
  pins: NodePins,
): readonly string[] {
  object.pin(pins.maps)
  const notices = attachToInterfaces(object, settings, readNode(settings), pins)
  for (const [hook, program] of hooks) {
    attachToCgroup(object.program(program), cgroup, hook, linkPin(pins.directory, hook))
  }
  markPrograms(pins)
  return notices
}

/**
 * The part of that for interfaces, which come and go. @returns and @throws the same
 *
 * @param only indexes of those to look at, besides those that have gone; absent: all
 */
export function attachToInterfaces(
  object: BpfObject,
  settings: EbpfSettings,
  { interfaces }: NodeState,
  pins: NodePins,
  only?: ReadonlySet<number>,
): readonly string[] {
  const notices: string[] = []
  const { used, other } = packetHooks(object, settings, pins.directory)
  const earlier = existsSync(pins.programs) ? object : undefined
  const looked = interfaces.filter(({ index }) => only?.has(index) !== false)
  // An interface that has gone in the meantime needs no program.
  const unlessGone = (index: number, act: () => void) => {
    try {
      act()
    } catch (error) {
      if (listInterfaces().some((one) => one.index === index)) throw error
    }
  }
  inNode(settings, () => {
    const steps: { readonly index: number; readonly take: () => void }[] = []
    for (const one of looked)
      for (const direction of directions)
        unlessGone(one.index, () => {
          const { index } = one
          const program = programFor(object, one, direction)
          if (isThere(used.attached(index, direction), program, earlier)) return
          if (program === undefined) steps.push({ index, take: () => used.detach(index, direction) })
          else if (used.serves(index, direction))
            steps.push({ index, take: () => used.attach(program, index, direction) })
          else notices.push(hasNoPlace(one, program))
          // Not before the new one is there: what an earlier version or setting has attached.
          if (other.attached(index, direction) !== undefined)
            steps.push({ index, take: () => other.detach(index, direction) })
        })
    // One after the other, with nothing in between: programs of another version have other maps, and don't know the
    // connections that these begin.
    for (const { index, take } of steps) unlessGone(index, take)
    const served = interfaces.map(({ index }) => index)
    for (const hook of [used, other]) {
      for (const index of hook.others(served))
        for (const direction of directions) hook.detach(index, direction)
    }
  })
  return notices
}

function hasNoPlace({ name }: NetworkInterface, program: BpfProgram): string {
  return (
    `${program.name} can't be attached to ${name}, whose qdisc is ingress instead of clsact: what this node itself sends ` +
    `out of it is seen at sockets only; find the tool that made the qdisc, and run 'tc qdisc replace dev ${name} clsact'`
  )
}

/** Detaches our programs from all interfaces. @returns what was there, named for a person */
export function detachInterfaces(settings: EbpfSettings, directory: string): string[] {
  const hooks: readonly PacketHook[] = [tcx(directory), clsact(directory)]
  return inNode(settings, () =>
    listInterfaces().flatMap(({ index, name }) => {
      const detached = directions.flatMap((direction) =>
        hooks
          .filter((hook) => hook.detach(index, direction))
          .map((hook) => `program at ${name} ${hook.name} ${direction}`),
      )
      for (const hook of hooks) hook.leave(index)
      return detached
    }),
  )
}
