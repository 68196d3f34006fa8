interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

/** Portolan's packages that a package.json names. */
export function portolanPackages(text: string): readonly string[] {
  const { dependencies, devDependencies } = JSON.parse(text) as Manifest
  return Object.keys({ ...dependencies, ...devDependencies }).filter(isOurs)
}

/**
 * A template's package.json for the new package: Portolan's packages in the version that made it, or from archives.
 *
 * @param text of the template's package.json
 * @param version of Portolan
 * @param archives by package; absent: the registry has them
 */
export function newManifest(text: string, version: string, archives?: ReadonlyMap<string, string>): string {
  const manifest = JSON.parse(text) as Manifest
  const fixed = (dependencies: Manifest['dependencies']) =>
    Object.fromEntries(
      Object.entries(dependencies).map(([name, range]) => [
        name,
        isOurs(name) ? (archives?.get(name) ?? `^${version}`) : range,
      ]),
    )
  const made = {
    ...manifest,
    dependencies: fixed(manifest.dependencies),
    devDependencies: fixed(manifest.devDependencies),
    // What Portolan's packages need of each other comes from the archives as well.
    ...(archives === undefined ? {} : { overrides: Object.fromEntries(archives) }),
  }
  return `${JSON.stringify(made, null, 2)}\n`
}

function isOurs(name: string): boolean {
  return name === 'portolan' || name.startsWith('@portolan/')
}
