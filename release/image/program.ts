import { chmod, cp, glob, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { install } from '../pack/install.ts'
import type { Archive } from '../pack/pack.ts'
import { readJson } from '../pack/workspaces.ts'
import type { Architecture } from './architecture.ts'

/** A package below node_modules. */
export interface InstalledPackage {
  readonly name: string
  readonly version: string
  readonly license: string | undefined
}

const home = join('usr', 'lib', 'portolan')

/** What only developers read, and what compiles addons that come compiled. Licenses stay. */
const unneeded = [
  ...['**/*.map', '**/*.{d.ts,d.mts,d.cts}', '**/*.{ts,mts,cts}', '.package-lock.json', '.bin', '**/.github'],
  ...['koffi/{vendor,doc}', '**/{README,CHANGELOG,History,HISTORY,UPGRADING,CONTRIBUTING}*'],
  ...['@kubernetes/client-node/{src,examples}'],
]

/**
 * Lays Portolan out, with the packages that it needs, in a root file system.
 *
 * @param work for files that are needed meanwhile
 * @returns everything that is installed
 */
export async function layProgram(
  root: string,
  archives: readonly Archive[],
  architecture: Architecture,
  work: string,
  into: string,
): Promise<readonly InstalledPackage[]> {
  const installation = join(work, `installation-${architecture.name}`)
  const ours = archives.filter(({ name }) => belongs.test(name))
  await install({ root, folder: installation, archives: ours, architecture: architecture.node })
  const modules = join(installation, 'node_modules')
  const packages = await installedPackages(modules)
  for await (const path of glob(unneeded, { cwd: modules }))
    await rm(join(modules, path), { recursive: true, force: true })
  await mkdir(join(into, home), { recursive: true })
  await cp(modules, join(into, home, 'node_modules'), { recursive: true, verbatimSymlinks: true })
  const program = join(home, 'node_modules', 'portolan', 'portolan.js')
  await nameNode(join(into, program))
  await mkdir(join(into, 'usr', 'bin'), { recursive: true })
  await symlink(`/${program}`, join(into, 'usr', 'bin', 'portolan'))
  return packages
}

/** The benchmark and the kit make network namespaces and call other tools: they are no part of the image. */
export const belongs = /^portolan$|^@portolan\/(?:core|native|dataplane-\w+)$/

/** There is no env that could find Node.js and part its flags. */
async function nameNode(program: string): Promise<void> {
  const text = await readFile(program, 'utf8')
  await writeFile(program, text.replace(/^#!.*? node (.*)$/m, '#!/usr/bin/node $1'))
  await chmod(program, 0o755)
}

async function installedPackages(modules: string): Promise<readonly InstalledPackage[]> {
  const lock = (await readJson(join(modules, '.package-lock.json'))) as {
    readonly packages: Readonly<Record<string, { readonly version: string; readonly license?: string }>>
  }
  return Object.entries(lock.packages)
    .map(([path, { version, license }]) => ({
      name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
      version,
      license,
    }))
    .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.version < b.version ? -1 : 1))
}
