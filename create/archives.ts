import { readdir } from 'node:fs/promises'
import { relative, resolve } from 'node:path'
import { CreateError } from './create-error.ts'

/** `portolan-dataplane-nftables-0.1.0.tgz`, as npm pack names the archive of `@portolan/dataplane-nftables`. */
const archiveName = /^(portolan(?:-[a-z-]+?)?)-\d+\.\d+\.\d+.*\.tgz$/

/**
 * Where the archives of Portolan's packages are, as a package.json in `into` names them.
 *
 * @param folder what `npm run pack` made
 * @param needed packages without which the new one can't be installed
 * @returns `file:…` by the package's name
 * @throws CreateError CREATE_ARCHIVES_MISSING
 */
export async function findArchives(
  folder: string,
  into: string,
  needed: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  for (const file of await filesIn(folder)) {
    const [, flat] = archiveName.exec(file) ?? []
    if (flat === undefined) continue
    const name = flat === 'portolan' ? flat : flat.replace('portolan-', '@portolan/')
    found.set(name, `file:${relative(into, resolve(folder, file))}`)
  }
  const missing = needed.filter((name) => !found.has(name))
  if (missing.length > 0)
    throw new CreateError('CREATE_ARCHIVES_MISSING', `${folder} has no archive of ${missing.join(', ')}`)
  return found
}

async function filesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (cause) {
    throw new CreateError('CREATE_ARCHIVES_MISSING', `there is no folder ${folder}`, { cause })
  }
}
