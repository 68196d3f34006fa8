import { posix } from 'node:path'

/** One import of one file by another, or of a package. */
export interface Import {
  /** `core/table/diff.ts`, from the repository's root. */
  readonly from: string
  /** A file of the repository, or what names a package (`@portolan/core/table`, `node:fs`). */
  readonly to: string
}

/**
 * Every way in which one module names another: `import` and `export … from`, a bare `import`, `import('…')` of values
 * and of types, and a `new URL` beside `import.meta.url`, by which workers and programs are started.
 */
const moduleName =
  /^(?:import|export)\b[^'"`;]*?\bfrom\s*'([^'\n]+)'|^import\s*'([^'\n]+)'|\bimport\(\s*'([^'\n]+)'|\bnew URL\(\s*'([^'\n]+\.[jt]s)',\s*import\.meta\.url/gm

/** @param sources each file's text by its path */
export function importsOf(sources: ReadonlyMap<string, string>): Import[] {
  const imports: Import[] = []
  for (const [from, text] of sources) {
    for (const [, ...names] of text.matchAll(moduleName)) {
      const name = names.find((one) => one !== undefined)
      if (name === undefined) continue
      const isFile = name.startsWith('.') || name === names[3]
      imports.push({ from, to: isFile ? posix.join(posix.dirname(from), name) : name })
    }
  }
  return imports
}

/** One package of the repository, as its package.json has it. */
export interface Package {
  /** `dataplanes/nftables` */
  readonly folder: string
  readonly name: string
  /** What may be imported of it: the file behind `@portolan/core/table`. */
  readonly faces: ReadonlyMap<string, string>
  /** Files that others may start: `core/cli/portolan.js`. */
  readonly programs: readonly string[]
  readonly dependencies: readonly string[]
  /** For its tests only. */
  readonly devDependencies: readonly string[]
}

/** The package that a file is in: the innermost one, for the test packages lie in `test/`. */
export function packageOf(path: string, packages: readonly Package[]): Package | undefined {
  return packages
    .filter(({ folder }) => path.startsWith(`${folder}/`))
    .toSorted((one, other) => other.folder.length - one.folder.length)[0]
}

/** Whether a file is a test, or what only tests need: in a folder `test/` of its package. */
export function isTest(path: string, packages: readonly Package[]): boolean {
  const folder = packageOf(path, packages)?.folder ?? ''
  return path.endsWith('.test.ts') || path.slice(folder.length).includes('/test/')
}
