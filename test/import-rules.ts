import { posix } from 'node:path'
import { type Import, isTest, type Package, packageOf } from './imports.ts'

/** Each rule gives a line for each import that breaks it; none: all keep it. */
export type ImportRule = (imports: readonly Import[], packages: readonly Package[]) => string[]

/**
 * Rooms of one folder import only those before them in the list.
 *
 * @param rooms their folders, `core/time/` first; the files of a folder itself are the room before its own rooms
 * @param apart rooms that don't import each other, although both stand in the list
 */
export function onlyDownwards(rooms: readonly string[], apart: readonly string[] = []): ImportRule {
  const roomOf = (path: string) => rooms.findLastIndex((room) => path.startsWith(room))
  return (imports, packages) =>
    imports.flatMap((one) => {
      const { from, to } = one
      const [own, other] = [roomOf(from), roomOf(to)]
      if (own < 0 || own === other || isTest(from, packages) || isPassedOn(one, packages)) return []
      const [ownRoom = '', otherRoom = ''] = [rooms[own], rooms[other]]
      if (other > own) return [`${from} imports ${to}: ${otherRoom} comes after ${ownRoom}`]
      const areApart = apart.includes(ownRoom) && apart.includes(otherRoom)
      return areApart ? [`${from} imports ${to}: ${ownRoom} and ${otherRoom} stand apart`] : []
    })
}

/** A face passes on what the rooms of its folder have. */
function isPassedOn({ from, to }: Import, packages: readonly Package[]): boolean {
  const faces = packages.flatMap((one) => [...one.faces.values()])
  return faces.includes(from) && to.startsWith(`${posix.dirname(from)}/`)
}

/** What a room can see of its package's other files is what the page lists, so that no arrow goes around the rooms. */
export function onlyRooms(rooms: readonly string[], folder: string, grounds: readonly string[]): ImportRule {
  return (imports, packages) =>
    imports.flatMap(({ from, to }) => {
      const isRoom = rooms.some((room) => from.startsWith(room))
      if (!isRoom || !to.startsWith(folder) || isTest(from, packages)) return []
      const isAllowed = rooms.some((room) => to.startsWith(room)) || grounds.includes(to)
      return isAllowed ? [] : [`${from} imports ${to}: a room imports rooms`]
    })
}

/** Packages meet at their public faces, and declare whom they meet. */
export const onlyFaces: ImportRule = (imports, packages) =>
  imports.flatMap(({ from, to }) => {
    const own = packageOf(from, packages)
    if (own === undefined) return []
    if (!to.startsWith('@portolan/')) {
      const target = packageOf(to, packages)
      return target === undefined || target === own || target.programs.includes(to)
        ? []
        : [`${from} imports ${to}: import its package instead`]
    }
    const target = packages.find(({ name }) => to === name || to.startsWith(`${name}/`))
    if (target === undefined || !target.faces.has(to))
      return [`${from} imports ${to}: its package.json exports no such thing`]
    const declared = isTest(from, packages)
      ? [own.name, ...own.dependencies, ...own.devDependencies]
      : [own.name, ...own.dependencies]
    return declared.includes(target.name)
      ? []
      : [`${from} imports ${to}: ${own.folder}/package.json doesn't declare it`]
  })

/** What runs on a node needs nothing that is there for tests. */
export const noTestsInProduct: ImportRule = (imports, packages) =>
  imports.flatMap(({ from, to }) =>
    packageOf(from, packages) !== undefined && !isTest(from, packages) && isTest(to, packages)
      ? [`${from} imports ${to}: it is for tests`]
      : [],
  )

/** Dataplanes know the core, the kernel's side in `native/`, and nothing of each other. */
export const noOtherDataplane: ImportRule = (imports, packages) => {
  const dataplanes = packages.filter(({ folder }) => folder.startsWith('dataplanes/'))
  const dataplaneOf = (path: string) =>
    dataplanes.find(
      ({ folder, name }) => path.startsWith(`${folder}/`) || path === name || path.startsWith(`${name}/`),
    )
  return imports.flatMap(({ from, to }) => {
    const [own, other] = [dataplaneOf(from), dataplaneOf(to)]
    return own === undefined || other === undefined || own === other
      ? []
      : [`${from} imports ${to}: no dataplane imports another`]
  })
}

/** No file can be understood only together with one that needs it. */
export function noCircles(folders: readonly string[]): ImportRule {
  return (imports, packages) => {
    const arrows = new Map<string, string[]>()
    for (const { from, to } of imports) {
      if (isTest(from, packages) || !folders.some((folder) => from.startsWith(folder))) continue
      arrows.set(from, [...(arrows.get(from) ?? []), to])
    }
    const done = new Set<string>()
    const circles: string[] = []
    const visit = (file: string, way: readonly string[]): void => {
      const start = way.indexOf(file)
      if (start >= 0) circles.push([...way.slice(start), file].join(' imports '))
      if (start >= 0 || done.has(file)) return
      for (const next of arrows.get(file) ?? []) visit(next, [...way, file])
      done.add(file)
    }
    for (const file of arrows.keys()) visit(file, [])
    return circles
  }
}
