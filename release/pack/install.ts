import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { npm } from './npm.ts'
import type { Archive } from './pack.ts'
import { readJson } from './workspaces.ts'

export interface InstallOptions {
  /** The checkout, whose lockfile says which versions of other people's packages. */
  readonly root: string
  /** Made where it is missing; gets `node_modules`. */
  readonly folder: string
  /** Everything of ours, with what it needs of ours: none of it is asked from a registry. */
  readonly archives: readonly Archive[]
  /** For another processor, as Node.js calls it; absent: this one's. */
  readonly architecture?: string
}

interface Locked {
  readonly [field: string]: unknown
}

/**
 * Installs archives into a folder, with just the versions of other people's packages that the checkout has: so what is
 * tested and what goes into an image is what the lockfile pins, by its checksums. No package's own scripts are run:
 * Portolan needs none.
 *
 * @throws PackError NPM
 */
export async function install({ root, folder, archives, architecture }: InstallOptions): Promise<void> {
  const manifest = {
    name: 'portolan-installation',
    version: '0.0.0',
    private: true,
    dependencies: Object.fromEntries(archives.map(({ name, path }) => [name, `file:${path}`])),
  }
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  await pinVersions(root, folder)
  const platform = architecture === undefined ? [] : [`--cpu=${architecture}`, '--os=linux']
  await npm(['install', '--omit=dev', '--ignore-scripts', '--prefer-offline', ...platform], folder)
}

/** Writes a lockfile beside a package.json, by which other people's packages are those of the checkout. */
export async function pinVersions(root: string, folder: string): Promise<void> {
  const { lockfileVersion, packages } = (await readJson(join(root, 'package-lock.json'))) as {
    readonly lockfileVersion: number
    readonly packages: Readonly<Record<string, Locked>>
  }
  const manifest = (await readJson(join(folder, 'package.json'))) as { name: string; version: string }
  const { name, version } = manifest
  const others = Object.entries(packages).filter(
    ([path, { link }]) => path.startsWith('node_modules/') && link !== true,
  )
  const lock = {
    name,
    version,
    lockfileVersion,
    requires: true,
    packages: { '': manifest, ...Object.fromEntries(others.map(([path, one]) => [path, asProduct(one)])) },
  }
  await writeFile(join(folder, 'package-lock.json'), `${JSON.stringify(lock, null, 2)}\n`)
}

/** Whether it is needed for developing alone is another matter here than in the checkout. */
function asProduct({ dev: _dev, devOptional: _devOptional, ...locked }: Locked): Locked {
  return locked
}
