import { release } from 'node:os'
import { contractVersion } from '../dataplane/contract.ts'
import { findPackage, packageVersion } from '../dataplane/find-package.ts'
import { dataplaneModule, loadFactory, ownDataplanes } from '../dataplane/load-dataplane.ts'
import { readVersion } from './version.ts'

interface InstalledDataplane {
  readonly name: string
  readonly version: string | undefined
  readonly families: readonly string[]
  readonly protocols: readonly string[]
  /** Names of features that it lacks; `portolan help-dataplane` says what happens instead. */
  readonly gaps: readonly string[]
}

/** Prints what is installed here, and what each of it can do. Opens nothing. */
export async function showVersion({ json = false }: { readonly json?: boolean }): Promise<void> {
  const found = await Promise.all(Object.keys(ownDataplanes).map(readDataplane))
  const versions = {
    portolan: readVersion(),
    contract: contractVersion,
    node: process.versions.node,
    kernel: release(),
    architecture: process.arch,
    dataplanes: found.filter((one) => one !== undefined),
    bench: installed('@portolan/bench'),
    eval: installed('@portolan/eval'),
  }
  if (json) {
    console.log(JSON.stringify(versions))
    return
  }
  const { portolan, contract, node, kernel, architecture, dataplanes, bench } = versions
  const lines = [
    ['portolan', `${portolan}, contract of dataplanes ${contract}`],
    ['node', node],
    ['kernel', `${kernel}, ${architecture}`],
    ...dataplanes.map(({ name, version, families, protocols, gaps }) => [
      name,
      `${version ?? 'of an unknown version'}: ${families.join(', ')}; ${protocols.join(', ')}; ${gaps.length} ${gaps.length === 1 ? 'gap' : 'gaps'}`,
    ]),
    ['bench', bench ?? 'not installed'],
    ['eval', versions.eval ?? 'not installed'],
  ]
  const width = Math.max(...lines.map(([name = '']) => name.length))
  for (const [name = '', text = ''] of lines) console.log(`${name.padEnd(width)}  ${text}`)
}

/** The version of a package that `portolan` does without; null: it isn't there. */
function installed(name: string): string | null {
  return findPackage(name).map(packageVersion)[0] ?? null
}

/** `undefined`: it isn't installed. @throws {DataplaneLoadError} when it is, and broken */
async function readDataplane(name: string): Promise<InstalledDataplane | undefined> {
  const [module] = findPackage(dataplaneModule(name))
  if (module === undefined) return undefined
  const { families, protocols, gaps } = (await loadFactory(name)).capabilities
  return { name, version: packageVersion(module), families, protocols, gaps: Object.keys(gaps) }
}
