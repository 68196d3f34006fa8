import { createHash } from 'node:crypto'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Architecture } from './architecture.ts'
import { ImageError } from './image-error.ts'
import type { DebianPackage } from './pinned.ts'
import { runTool } from './tool.ts'

/**
 * Programs and libraries of the image, without what these depend on. The kernel's modules are the node's; certificates
 * of authorities are in Node.js; there is no shell.
 */
export const wantedPackages = ['nftables', 'iptables', 'ipset', 'kmod', 'libbpf1', 'libstdc++6'] as const

/** What only says which Debian it is; what it depends on would bring a shell. */
const alone = ['base-files'] as const

/** Packages as `apt-get download` left them: by checksum, so that one that is there is the right one. */
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'portolan', 'debian')

/** The newest packages that the image needs, with what they depend on. Foreign architectures are as good as one's own. */
export async function resolvePackages({ name }: Architecture): Promise<readonly DebianPackage[]> {
  await using apt = await Apt.open(name)
  const install = ['install', '--print-uris', '--quiet=2', '--no-install-recommends', ...wantedPackages]
  const download = ['download', '--print-uris', '--quiet=2', ...alone]
  const lines = `${await apt.get(...install)}\n${await apt.get(...download)}`
  const packages = [...lines.matchAll(/^'[^']+' ([^_\s]+)_([^_\s]+)_/gm)].map(
    ([, one = '', version = '']) => ({ name: one, version: decodeURIComponent(version) }),
  )
  const files = await apt.download(packages)
  return packages
    .map((one) => ({ ...one, sha256: files.get(one.name) ?? '' }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

/**
 * The packages' files, from the cache or from Debian's mirror.
 *
 * @throws ImageError IMAGE_PACKAGE when there is another package by now
 */
export async function providePackages(
  { name }: Architecture,
  packages: readonly DebianPackage[],
): Promise<readonly string[]> {
  await mkdir(cache, { recursive: true })
  const present = new Set(await readdir(cache))
  const missing = packages.filter(({ sha256 }) => !present.has(`${sha256}.deb`))
  if (missing.length > 0) {
    await using apt = await Apt.open(name)
    const files = await apt.download(missing)
    const other = missing.filter((one) => files.get(one.name) !== one.sha256)
    if (other.length > 0)
      throw new ImageError('IMAGE_PACKAGE', `${list(other)}: Debian has other bytes by now`)
  }
  return packages.map(({ sha256 }) => join(cache, `${sha256}.deb`))
}

function list(packages: readonly { readonly name: string; readonly version: string }[]): string {
  return packages.map(({ name, version }) => `${name} ${version}`).join(', ')
}

/** apt with lists of its own, for one architecture and as if nothing were installed. The machine's own are not touched. */
class Apt implements AsyncDisposable {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async open(architecture: Architecture['name']): Promise<Apt> {
    const apt = new Apt(await mkdtemp(join(tmpdir(), 'portolan-apt-')))
    const folder = apt.#folder
    for (const path of ['lists/partial', 'archives/partial', 'sources'])
      await mkdir(join(folder, path), { recursive: true })
    await writeFile(join(folder, 'status'), '')
    // Debian's own sources as this machine has them; those of others have no say in the image.
    await tryCopy('/etc/apt/sources.list.d/debian.sources', join(folder, 'sources', 'debian.sources'))
    await tryCopy('/etc/apt/sources.list', join(folder, 'sources', 'debian.list'))
    const settings = {
      'Dir::State::lists': join(folder, 'lists'),
      'Dir::State::status': join(folder, 'status'),
      'Dir::Cache': folder,
      'Dir::Etc::sourcelist': '/dev/null',
      'Dir::Etc::sourceparts': join(folder, 'sources'),
      'APT::Architecture': architecture,
      'APT::Architectures': architecture,
      'APT::Sandbox::User': 'root',
      'Acquire::Languages': 'none',
    }
    const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";\n`)
    await writeFile(join(folder, 'apt.conf'), lines.join(''))
    await apt.get('update', '--quiet=2')
    return apt
  }

  get(...args: readonly string[]): Promise<string> {
    return runTool('apt-get', args, {
      cwd: join(this.#folder, 'archives'),
      env: { APT_CONFIG: join(this.#folder, 'apt.conf') },
    })
  }

  /** Into the cache. @returns their checksums by name @throws ImageError IMAGE_PACKAGE */
  async download(
    packages: readonly { readonly name: string; readonly version: string }[],
  ): Promise<ReadonlyMap<string, string>> {
    try {
      await this.get('download', '--quiet=2', ...packages.map(({ name, version }) => `${name}=${version}`))
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new ImageError('IMAGE_PACKAGE', `Debian's mirror doesn't have all of ${list(packages)}: ${why}`, {
        cause,
      })
    }
    await mkdir(cache, { recursive: true })
    const found = new Map<string, string>()
    const folder = join(this.#folder, 'archives')
    for (const file of (await readdir(folder)).filter((one) => one.endsWith('.deb'))) {
      const content = await readFile(join(folder, file))
      const sha256 = createHash('sha256').update(content).digest('hex')
      found.set(file.slice(0, file.indexOf('_')), sha256)
      const whole = join(cache, `${sha256}.deb`)
      await writeFile(`${whole}.${process.pid}`, content)
      await rename(`${whole}.${process.pid}`, whole)
    }
    return found
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true })
  }
}

async function tryCopy(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
