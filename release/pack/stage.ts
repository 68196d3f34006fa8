import { chmod, cp, glob, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import { renameSources } from './module-names.ts'
import { publishedManifest } from './published-manifest.ts'
import type { Workspace } from './workspaces.ts'

export interface StageOptions {
  /** The checkout. */
  readonly root: string
  /** What {@link compile} made. */
  readonly compiled: string
  /** Where the package is laid out. */
  readonly into: string
  /** Names of the packages that stay in the checkout. */
  readonly unpublished: ReadonlySet<string>
}

/**
 * Lays out a package as it is in its archive: the checkout's shape, with JavaScript, declarations and source maps in place
 * of each module, and what `files` names beside them. So whatever a module finds by its own place it finds there, too.
 */
export async function stage(workspace: Workspace, options: StageOptions): Promise<void> {
  const { folder, manifest } = workspace
  const { root, compiled, into, unpublished } = options
  const source = join(root, folder)
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(into, path)), { recursive: true })
    await writeFile(join(into, path), text)
  }
  for await (const path of filesIn(join(compiled, folder))) {
    const text = await readFile(join(compiled, folder, path), 'utf8')
    await write(path, path.endsWith('.map') ? nameSourcesBeside(text) : renameSources(text))
  }
  // JavaScript is written by hand where an old Node.js has to understand it.
  for (const path of Object.values(manifest.bin ?? {})) {
    await write(path, renameSources(await readFile(join(source, path), 'utf8')))
    await chmod(join(into, path), 0o755)
  }
  for await (const path of glob([...(manifest.files ?? [])], { cwd: source }))
    await cp(join(source, path), join(into, path), { recursive: true })
  await cp(join(source, 'README.md'), join(into, 'README.md'))
  await cp(join(root, 'LICENSE'), join(into, 'LICENSE'))
  await write('package.json', `${JSON.stringify(publishedManifest(manifest, unpublished), null, 2)}\n`)
}

/** A source map has its source within; the compiler names it by where the checkout was, which makes other bytes elsewhere. */
function nameSourcesBeside(text: string): string {
  const map = JSON.parse(text) as { readonly sources: readonly string[] }
  return JSON.stringify({ ...map, sources: map.sources.map((path) => posix.basename(path)) })
}

/** Every file of a folder and of those in it; none: the folder isn't there. */
export async function* filesIn(folder: string): AsyncGenerator<string> {
  for await (const path of glob('**', { cwd: folder }))
    if ((await stat(join(folder, path))).isFile()) yield path
}
