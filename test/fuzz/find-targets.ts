import { glob } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { FuzzTarget } from './fuzz-round.ts'

const ending = '.fuzz.ts'

/** Every property that a file `*.fuzz.ts` exports, in the order of files. */
export async function findTargets(root: string): Promise<readonly FuzzTarget[]> {
  const found: string[] = []
  for await (const path of glob(`{core,native,dataplanes}/**/test/*${ending}`, {
    cwd: root,
    exclude: (name) => name === 'node_modules',
  }))
    found.push(path)
  const targets: FuzzTarget[] = []
  for (const path of found.toSorted()) targets.push(...(await targetsOf(root, path)))
  return targets
}

/** @param path of a file `*.fuzz.ts`, from the root */
export async function targetsOf(root: string, path: string): Promise<readonly FuzzTarget[]> {
  const room = path.replace(/test\/([^/]+)$/, '$1').slice(0, -ending.length)
  const properties: Readonly<Record<string, FuzzTarget['property']>> = await import(
    pathToFileURL(join(root, path)).href
  )
  return Object.entries(properties).map(([name, property]) => ({ name: `${room}:${name}`, property }))
}
