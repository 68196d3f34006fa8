import type { WorkspaceManifest } from './workspaces.ts'

/** What a manifest keeps as it is. */
const kept = [
  'name',
  'version',
  'description',
  'license',
  'type',
  'engines',
  'bin',
  'peerDependencies',
  'peerDependenciesMeta',
] as const

/**
 * The package.json of the archive: faces lead to JavaScript and its types, and packages that aren't published are no
 * dependencies, for nothing in the archive imports them (see check-staged.ts).
 *
 * @param unpublished names of those packages
 */
export function publishedManifest(manifest: WorkspaceManifest, unpublished: ReadonlySet<string>): object {
  const dependencies = Object.entries(manifest.dependencies ?? {}).filter(([name]) => !unpublished.has(name))
  return {
    ...Object.fromEntries(kept.flatMap((field) => (field in manifest ? [[field, manifest[field]]] : []))),
    exports: { ...publishedFaces(manifest), './package.json': './package.json' },
    dependencies: Object.fromEntries(dependencies),
  }
}

function publishedFaces({ exports = {} }: WorkspaceManifest): Readonly<Record<string, object | string>> {
  return Object.fromEntries(
    Object.entries(exports).map(([face, file]) => {
      const module = file.replace(/\.ts$/, '')
      return [face, module === file ? file : { types: `${module}.d.ts`, default: `${module}.js` }]
    }),
  )
}
