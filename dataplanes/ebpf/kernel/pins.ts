import { createHash } from 'node:crypto'
import { existsSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs'
import { bpfFileSystem, makePinDirectory } from '@portolan/native/libbpf'
import { allMaps, type MapName } from '../layout/maps.ts'
import { structs } from '../layout/structures.ts'

const root = `${bpfFileSystem}/portolan`

/** The process's own network namespace. */
const host = 'host'

/** Where everything of one node is pinned. */
export function nodeDirectory(networkNamespace: string | undefined): string {
  // The file system takes no dots in a name.
  const name =
    networkNamespace === undefined ? host : encodeURIComponent(networkNamespace).replaceAll('.', '%2E')
  return `${root}/${name}`
}

/** Where what this version uses of a node's is pinned. */
export interface NodePins {
  readonly directory: string
  /** Maps of this layout and these sizes. */
  readonly maps: string
  /** There if the programs that are attached come from this version's object file: their data counts as well. */
  readonly programs: string
}

export function nodePins(
  networkNamespace: string | undefined,
  sizes: Readonly<Partial<Record<MapName, number>>>,
  readPrograms: () => Buffer,
): NodePins {
  const directory = nodeDirectory(networkNamespace)
  return {
    directory,
    maps: mapDirectory(directory, sizes),
    programs: `${directory}/${programsPrefix}${shortHash(readPrograms())}`,
  }
}

const programsPrefix = 'programs-'

/** All programs are attached now, and of this version. */
export function markPrograms({ directory, programs }: NodePins): void {
  for (const name of entriesOf(directory)) {
    const path = `${directory}/${name}`
    if (name.startsWith(programsPrefix) && path !== programs) rmdirSync(path)
  }
  makePinDirectory(programs)
}

function shortHash(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 12)
}

export function linkPin(directory: string, hook: string): string {
  return `${directory}/links/${hook}`
}

const tcxPrefix = 'tcx-'

/** The link of a program at an interface, by its index: names can be given to another. */
export function tcxPin(directory: string, interfaceIndex: number, direction: 'ingress' | 'egress'): string {
  return linkPin(directory, `${tcxPrefix}${interfaceIndex}-${direction}`)
}

/** Indexes of all interfaces that links are pinned for. */
export function interfaceLinks(directory: string): number[] {
  const names = entriesOf(`${directory}/links`).filter((name) => name.startsWith(tcxPrefix))
  return [...new Set(names.map((name) => Number.parseInt(name.slice(tcxPrefix.length), 10)))]
}

const qdiscPrefix = 'clsact-'

/** There if the qdisc of an interface, by its index, was made here. */
export function qdiscMark(directory: string, interfaceIndex: number): string {
  return `${directory}/${qdiscPrefix}${interfaceIndex}`
}

/** Those of interfaces that have gone, and their qdiscs with them: another may get the number. */
export function forgetQdiscs(directory: string, interfaces: readonly number[]): void {
  for (const name of entriesOf(directory)) {
    if (!name.startsWith(qdiscPrefix)) continue
    if (!interfaces.includes(Number(name.slice(qdiscPrefix.length)))) rmdirSync(`${directory}/${name}`)
  }
}

/** Maps of another layout or size are other maps; programs that use the old ones run until they are replaced. */
function mapDirectory(directory: string, sizes: Readonly<Partial<Record<MapName, number>>>): string {
  return `${directory}/maps-${shortHash(JSON.stringify([structs, allMaps, sizes]))}`
}

/** Whether there are maps of this version, all of them: they are pinned one by one, before a program is attached. */
export function areMapsPinned({ maps }: NodePins): boolean {
  return allMaps.every((name) => existsSync(`${maps}/${name}`))
}

/** Directories of maps, of whichever versions and sizes. */
export function mapDirectoriesOf(directory: string): string[] {
  return entriesOf(directory)
    .filter((name) => name.startsWith('maps-'))
    .map((name) => `${directory}/${name}`)
}

/** Directories of maps that this version doesn't use, the last made first. */
export function otherMapDirectories({ directory, maps }: NodePins): string[] {
  return mapDirectoriesOf(directory)
    .filter((path) => path !== maps)
    .map((path) => ({ path, made: statSync(path).mtimeMs }))
    .sort((one, other) => other.made - one.made)
    .map(({ path }) => path)
}

/** Unpins everything under a node's directory; the kernel frees what nothing else refers to. Tells what was there. */
export function unpinNode(directory: string): string[] {
  if (!existsSync(directory)) return []
  const pins = entriesOf(directory).flatMap((one) =>
    entriesOf(`${directory}/${one}`).map((pin) => `${directory}/${one}/${pin}`),
  )
  rmSync(directory, { recursive: true, force: true })
  try {
    rmdirSync(root)
  } catch {
    // Other nodes have theirs in there.
  }
  return pins
}

/** Unpins what belongs to network namespaces that no longer exist. */
export function unpinDeadNodes(): void {
  for (const name of entriesOf(root)) {
    if (name !== host && !existsSync(decodeURIComponent(name))) unpinNode(`${root}/${name}`)
  }
}

function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}
