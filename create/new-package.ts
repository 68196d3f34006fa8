import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findArchives } from './archives.ts'
import { CreateError } from './create-error.ts'
import { newManifest, portolanPackages } from './manifest.ts'
import { type DataplaneNames, namesOf, renamed } from './names.ts'

export interface CreateOptions {
  /** A word, or a package's name that ends in one. */
  readonly name: string
  /** A skeleton that applies nothing yet, rather than a dataplane on nft. */
  readonly empty?: boolean
  /** Where to; absent: a folder of its name in the working directory. Made where it is missing, and has to be empty. */
  readonly folder?: string
  /** A folder with Portolan's archives, from which the new package takes them. Absent: from the registry. */
  readonly archives?: string
  readonly workingDirectory?: string
}

export interface CreatedPackage {
  readonly names: DataplaneNames
  /** Absolute. */
  readonly folder: string
  /** Relative to the folder, sorted. */
  readonly files: readonly string[]
}

const templates = fileURLToPath(new URL('./templates', import.meta.url))

/** What the skeleton has in common with the other template. */
const common = ['test/program.test.ts']

/** Files that npm would leave out of an archive, or take for its own, lie in the templates under other names. */
const trueNames: Readonly<Record<string, string>> = { gitignore: '.gitignore', github: '.github' }

/**
 * Writes the package of a new dataplane.
 *
 * @throws CreateError, and then nothing was written
 */
export async function createDataplane(options: CreateOptions): Promise<CreatedPackage> {
  const { empty = false, workingDirectory = process.cwd() } = options
  const names = namesOf(options.name)
  const folder = resolve(workingDirectory, options.folder ?? names.folder)
  await expectEmpty(folder)
  const files = await templateFiles(empty)
  const manifest = renamed(files.get('package.json') ?? '', names)
  const archives =
    options.archives === undefined
      ? undefined
      : await findArchives(resolve(workingDirectory, options.archives), folder, portolanPackages(manifest))
  const texts = new Map([...files].map(([path, text]) => [path, renamed(text, names)]))
  // Paths of archives stay as they are, whatever is in them.
  texts.set('package.json', newManifest(manifest, await ownVersion(), archives))
  for (const [path, text] of texts) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  return { names, folder, files: [...files.keys()].toSorted() }
}

/** Texts by their paths in the new package. */
async function templateFiles(empty: boolean): Promise<Map<string, string>> {
  const layers = empty
    ? [await read('shared'), only(await read('nftables'), common), await read('empty')]
    : [await read('shared'), await read('nftables')]
  return new Map(layers.flatMap((layer) => [...layer]))
}

async function read(template: string): Promise<ReadonlyMap<string, string>> {
  const root = join(templates, template)
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const texts = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => {
      const path = join(entry.parentPath, entry.name)
      const parts = relative(root, path)
        .split('/')
        .map((part) => trueNames[part] ?? part)
      return [parts.join('/'), await readFile(path, 'utf8')] as const
    })
  return new Map(await Promise.all(texts))
}

function only(files: ReadonlyMap<string, string>, paths: readonly string[]): ReadonlyMap<string, string> {
  return new Map([...files].filter(([path]) => paths.includes(path)))
}

async function expectEmpty(folder: string): Promise<void> {
  let found: readonly string[]
  try {
    found = await readdir(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw new CreateError('CREATE_FOLDER_TAKEN', `${folder} is no folder`, { cause: error })
  }
  // A fresh repository is as good as nothing.
  const other = found.filter((name) => name !== '.git')
  if (other.length > 0) throw new CreateError('CREATE_FOLDER_TAKEN', `${folder} has ${other[0]} in it`)
}

async function ownVersion(): Promise<string> {
  const text = await readFile(new URL('./package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { readonly version: string }).version
}
