import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { checkStaged } from './check-staged.ts'
import { compile } from './compile.ts'
import { npm } from './npm.ts'
import { PackError } from './pack-error.ts'
import { stage } from './stage.ts'
import { readWorkspaces } from './workspaces.ts'

/** A package's archive, as `npm publish` and `npm install` take it. */
export interface Archive {
  readonly name: string
  readonly version: string
  /** Absolute. */
  readonly path: string
  /** Bytes. */
  readonly size: number
  readonly unpackedSize: number
  readonly files: readonly { readonly path: string }[]
  /** As a lockfile has it: `sha512-…`. */
  readonly integrity: string
}

/**
 * Makes the archive of each package that is published, from the checkout's sources and its compiled eBPF programs.
 *
 * @param root the checkout
 * @param folder where archives go; Portolan's of an earlier run are removed
 * @throws PackError
 */
export async function pack(root: string, folder: string): Promise<readonly Archive[]> {
  const workspaces = await readWorkspaces(root)
  const published = workspaces.filter(({ manifest }) => manifest.private !== true)
  const unpublished = new Set(
    workspaces.filter((one) => !published.includes(one)).map(({ manifest }) => manifest.name),
  )
  const work = await mkdtemp(join(tmpdir(), 'portolan-pack-'))
  try {
    const compiled = join(work, 'compiled')
    await compile(root, compiled)
    const staged = await Promise.all(
      published.map(async (workspace) => {
        const into = join(work, workspace.manifest.name.replace('/', '-'))
        await stage(workspace, { root, compiled, into, unpublished })
        return into
      }),
    )
    const faults = (await Promise.all(staged.map(checkStaged))).flat()
    if (faults.length > 0) throw new PackError('PACKAGE_INCOMPLETE', faults.join('\n'))
    await emptyOfArchives(folder)
    const printed = await npm(['pack', '--json', '--pack-destination', resolve(folder), ...staged], work)
    return (JSON.parse(printed) as (Omit<Archive, 'path'> & { readonly filename: string })[]).map(
      ({ filename, ...archive }) => ({ ...archive, path: resolve(folder, filename) }),
    )
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function emptyOfArchives(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const name of await readdir(folder)) if (/^portolan-.*\.tgz$/.test(name)) await rm(join(folder, name))
}
