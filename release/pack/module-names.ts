/**
 * Where a module names another file of its package: in an import, and in the `new URL` by which workers and programs are
 * started. The compiler renames the former in JavaScript, and neither in declarations.
 */
const namedSource =
  /(\bfrom\s*['"]|\bimport\s*\(?\s*['"])(\.{1,2}\/[^'"\n]*)\.ts(?=['"])|(\bnew URL\(\s*['"])([^'"\n]*)\.ts(?=['"],\s*import\.meta\.url)/g

/** The text of a compiled module, in which every file is named as it is called in the archive. */
export function renameSources(text: string): string {
  return text.replaceAll(
    namedSource,
    (_, before: string | undefined, module: string, beforeUrl: string, url: string) =>
      before === undefined ? `${beforeUrl}${url}.js` : `${before}${module}.js`,
  )
}

const named =
  /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"\n]+)['"]|^\s*import\s*['"]([^'"\n]+)['"]|\bimport\(\s*['"]([^'"\n]+)['"]|\bnew URL\(\s*(['"])([^'"\n]+)\4,\s*import\.meta\.url/gm

/** What a module needs to be there. */
export interface Needs {
  /** Relative to the module: `../table/index.js`. */
  readonly files: readonly string[]
  /** `@portolan/core`, without the face. */
  readonly packages: readonly string[]
}

/** @param text of a module in the archive, or of its declarations */
export function needsOf(text: string): Needs {
  const files = new Set<string>()
  const packages = new Set<string>()
  for (const [, from, bare, dynamic, , url] of text.replaceAll(comment, '').matchAll(named)) {
    const name = from ?? bare ?? dynamic
    if (url !== undefined) files.add(url)
    else if (name?.startsWith('.')) files.add(name)
    else if (name !== undefined && !name.startsWith('node:')) packages.add(packageName(name))
  }
  return { files: [...files], packages: [...packages] }
}

/** In a docstring imports are examples. */
const comment = /\/\*[\s\S]*?\*\//g

function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}
