import { glob, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** A package.json of the checkout, as far as publishing reads it. */
export interface WorkspaceManifest {
  readonly name: string
  readonly version: string
  /** It stays in the checkout. */
  readonly private?: boolean
  /** Programs by the names of their commands; JavaScript. */
  readonly bin?: Readonly<Record<string, string>>
  /** Each face's file, `./index.ts`. */
  readonly exports?: Readonly<Record<string, string>>
  /** Files that come along besides compiled modules: names, folders or globs. */
  readonly files?: readonly string[]
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

export interface Workspace {
  /** From the checkout's root: `dataplanes/nftables`. */
  readonly folder: string
  readonly manifest: WorkspaceManifest
}

/** The checkout's packages, sorted by their folders. @param root the checkout's */
export async function readWorkspaces(root: string): Promise<readonly Workspace[]> {
  const { workspaces } = (await readJson(join(root, 'package.json'))) as { readonly workspaces: string[] }
  const folders: string[] = []
  for await (const path of glob(
    workspaces.map((pattern) => `${pattern}/package.json`),
    { cwd: root },
  ))
    folders.push(dirname(path))
  return await Promise.all(
    folders.toSorted().map(async (folder) => ({
      folder,
      manifest: (await readJson(join(root, folder, 'package.json'))) as WorkspaceManifest,
    })),
  )
}

export async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, 'utf8'))
}
