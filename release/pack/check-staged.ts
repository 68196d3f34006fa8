import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { needsOf } from './module-names.ts'
import { filesIn } from './stage.ts'
import { readJson } from './workspaces.ts'

interface StagedManifest {
  readonly name: string
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/**
 * Looks for what whoever installs the package would miss: a face, an imported file, a worker or data file that isn't in
 * the archive, and a package that isn't declared. And for what doesn't belong there: tests, and sources.
 *
 * @param folder a package as {@link stage} laid it out
 * @returns a line for each
 */
export async function checkStaged(folder: string): Promise<readonly string[]> {
  const manifest = (await readJson(join(folder, 'package.json'))) as StagedManifest
  const { name, exports, dependencies, peerDependencies } = manifest
  const declared = new Set([name, ...Object.keys(dependencies), ...Object.keys(peerDependencies ?? {})])
  const faces = Object.values(exports).flatMap((face) =>
    typeof face === 'string' ? [face] : [face.types, face.default],
  )
  const faults = faces
    .filter((file) => !existsSync(join(folder, file)))
    .map((file) => `${name}: exports ${file}, which is not there`)
  for await (const path of filesIn(folder)) {
    if (isTemplate(path)) continue
    if (/(?<!\.d)\.ts$|(^|\/)test\//.test(path)) faults.push(`${name}: ${path} is a source or a test`)
    if (!/\.js$|\.d\.ts$/.test(path)) continue
    const { files, packages } = needsOf(await readFile(join(folder, path), 'utf8'))
    for (const file of files)
      if (!existsSync(join(folder, dirname(path), file)))
        faults.push(`${name}: ${path} names ${file}, which is not there`)
    for (const one of packages)
      if (!declared.has(one)) faults.push(`${name}: ${path} imports ${one}, which is not declared`)
  }
  return faults
}

/** What is to become somebody else's package stays as it is written, its tests included. */
function isTemplate(path: string): boolean {
  return path.startsWith('templates/')
}
