import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/**
 * The URLs of a package's module where it may be installed: beside the core; beside the program that was started, which
 * brings the core as one of its dependencies (the package `portolan`); and where the operator stands.
 */
export function findPackage(specifier: string, workingDirectory: string = process.cwd()): readonly string[] {
  const found = [
    () => import.meta.resolve(specifier),
    () => resolveFrom(realpathSync(process.argv[1] ?? ''), specifier),
    () => resolveFrom(resolve(workingDirectory, 'package.json'), specifier),
  ].map(urlOrNothing)
  return [...new Set(found.filter((url) => url !== undefined))]
}

function resolveFrom(file: string, specifier: string): string {
  return pathToFileURL(createRequire(file).resolve(specifier)).href
}

function urlOrNothing(find: () => string): string | undefined {
  try {
    return find()
  } catch {
    return undefined
  }
}

/** The version in the package.json that a module belongs to; `undefined`: there is none. */
export function packageVersion(moduleUrl: string): string | undefined {
  for (let folder = dirname(fileURLToPath(moduleUrl)); ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json')
    if (existsSync(manifest)) {
      const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version?: unknown }
      return typeof version === 'string' ? version : undefined
    }
    if (folder === dirname(folder)) return undefined
  }
}
