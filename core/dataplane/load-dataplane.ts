import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Clock, systemClock } from '../time/clock.ts'
import { checkDataplane } from './check-parts.ts'
import { contractVersion, type Dataplane, type DataplaneFactory, type DataplaneOptions } from './contract.ts'
import { thrownMessage } from './dataplane-error.ts'
import { DataplaneLoadError, incomplete } from './dataplane-load-error.ts'
import { findPackage } from './find-package.ts'
import { supervised } from './supervise.ts'
import type { SupervisionOptions } from './supervised-calls.ts'

export { type DataplaneLoadCode, DataplaneLoadError } from './dataplane-load-error.ts'
export { findPackage, packageVersion } from './find-package.ts'

/** The dataplanes that Portolan itself brings, by the short names that operators use for them. */
export const ownDataplanes: Readonly<Record<string, string>> = {
  nftables: '@portolan/dataplane-nftables',
  iptables: '@portolan/dataplane-iptables',
  ipvs: '@portolan/dataplane-ipvs',
  ebpf: '@portolan/dataplane-ebpf',
}

/** Milliseconds for a module and all that it imports. */
const importDeadline = 30_000

/** The module that a dataplane's name stands for: one of ours, a path, or a package by its own name. */
export function dataplaneModule(name: string): string {
  return Object.hasOwn(ownDataplanes, name) ? (ownDataplanes[name] ?? name) : name
}

/**
 * Loads the dataplane that the operator named: `nftables`, a package (`@acme/portolan-dataplane-vpp`), or a path
 * that starts with `./`, `../` or `/`. No other package is ever imported. What comes out fulfils the contract as far
 * as its shape tells, and is supervised: whatever it does, its caller gets an answer.
 *
 * @throws {DataplaneLoadError} saying what is wrong with the package, or with the options given to it, and what to do.
 */
export async function loadDataplane(
  name: string,
  options: DataplaneOptions,
  workingDirectory: string = process.cwd(),
  supervision: SupervisionOptions = {},
): Promise<Dataplane> {
  const factory = await loadFactory(name, workingDirectory, supervision.clock)
  let made: Dataplane
  try {
    made = factory.create(options, supervision)
  } catch (cause) {
    if (cause instanceof DataplaneLoadError) throw cause
    const isSetting = (cause as { readonly code?: unknown } | null)?.code === 'DATAPLANE_OPTION_INVALID'
    if (isSetting)
      throw new DataplaneLoadError(
        'DATAPLANE_SETTING_INVALID',
        `dataplane '${name}': ${thrownMessage(cause)}`,
        `'portolan help-dataplane ${name}' shows its options`,
        { cause },
      )
    throw new DataplaneLoadError(
      'DATAPLANE_BROKEN',
      `dataplane '${name}' can't be made: ${thrownMessage(cause)}`,
      'check its --dataplane-option values; else report it to its author',
      { cause },
    )
  }
  return supervised(checkDataplane(name, made), supervision)
}

/** What the operator named, not made yet: its capabilities and settings. @throws {DataplaneLoadError} */
export async function loadFactory(
  name: string,
  workingDirectory: string = process.cwd(),
  clock: Clock = systemClock,
): Promise<DataplaneFactory> {
  const exported = await importModule(name, workingDirectory, clock)
  const factory = (exported as { readonly default?: unknown }).default
  const isFactory =
    typeof factory === 'object' &&
    factory !== null &&
    typeof (factory as { create?: unknown }).create === 'function'
  if (!isFactory) {
    const found = factory === undefined ? 'no default export' : `a default export of type ${typeof factory}`
    throw new DataplaneLoadError(
      'DATAPLANE_WITHOUT_FACTORY',
      `'${dataplaneModule(name)}' is not a dataplane: it has ${found}`,
      'a dataplane package exports as its default the DataplaneFactory that defineDataplane returns',
    )
  }
  checkFactory(name, factory as Readonly<Record<string, unknown>>)
  return factory as unknown as DataplaneFactory
}

/** Wherever it is installed: see {@link findPackage}. */
async function importModule(name: string, workingDirectory: string, clock: Clock): Promise<object> {
  if (isPath(name)) return importUrl(name, pathToFileURL(resolve(workingDirectory, name)).href, clock)
  const specifier = dataplaneModule(name)
  let cause: unknown
  for (const url of findPackage(specifier, workingDirectory)) {
    try {
      return await importUrl(name, url, clock)
    } catch (error) {
      if (!(error instanceof DataplaneLoadError && error.code === 'DATAPLANE_NOT_INSTALLED')) throw error
      cause = error
    }
  }
  throw notInstalled(name, specifier, cause)
}

async function importUrl(name: string, url: string, clock: Clock): Promise<object> {
  let cancel = (): void => {}
  const tooLong = new Promise<never>((_, reject) => {
    const seconds = importDeadline / 1000
    const fix = 'the module waits at its top level; move what takes time into open()'
    const error = () =>
      new DataplaneLoadError('DATAPLANE_BROKEN', `dataplane '${name}' has not loaded for ${seconds} s`, fix)
    cancel = clock.after(importDeadline, () => reject(error()))
  })
  try {
    return (await Promise.race([import(url), tooLong])) as object
  } catch (cause) {
    if (cause instanceof DataplaneLoadError) throw cause
    if ((cause as { readonly code?: unknown }).code === 'ERR_UNSUPPORTED_DIR_IMPORT')
      throw notInstalled(name, url, cause)
    if (isMissing(cause, url)) throw notInstalled(name, isPath(name) ? url : dataplaneModule(name), cause)
    throw new DataplaneLoadError(
      'DATAPLANE_BROKEN',
      `dataplane '${name}' can't be loaded: ${thrownMessage(cause)}`,
      'install its dependencies (npm install), or report it to its author',
      { cause },
    )
  } finally {
    cancel()
  }
}

function isPath(name: string): boolean {
  return name.startsWith('./') || name.startsWith('../') || name.startsWith('/')
}

/** Whether it is this very module that is missing, rather than something that it imports. */
function isMissing(cause: unknown, url: string): boolean {
  const { code, url: missing } = cause as { readonly code?: unknown; readonly url?: unknown }
  return code === 'ERR_MODULE_NOT_FOUND' && missing === url
}

function notInstalled(name: string, specifier: string, cause: unknown): DataplaneLoadError {
  if (isPath(name)) {
    return new DataplaneLoadError(
      'DATAPLANE_NOT_INSTALLED',
      `no dataplane module at '${name}'`,
      'give the path of the module itself, such as ./my-dataplane/index.ts',
      { cause },
    )
  }
  if (/\.[cm]?[jt]s$/.test(name)) {
    return new DataplaneLoadError(
      'DATAPLANE_NOT_INSTALLED',
      `'${name}' is read as the name of a package, and no such package is installed`,
      `a path begins with ./, ../ or /: write ./${name}`,
      { cause },
    )
  }
  const ours = Object.keys(ownDataplanes).join(', ')
  return new DataplaneLoadError(
    'DATAPLANE_NOT_INSTALLED',
    `dataplane '${name}' is not installed (no package '${specifier}' beside Portolan or in this directory)`,
    Object.hasOwn(ownDataplanes, name)
      ? `npm install ${specifier}`
      : `name one of Portolan's own (${ours}), or install the package: npm install ${specifier}`,
    { cause },
  )
}

function checkFactory(name: string, factory: Readonly<Record<string, unknown>>): void {
  if (factory.contractVersion !== contractVersion) {
    const theirs = factory.contractVersion
    const older = typeof theirs === 'number' && theirs > contractVersion
    throw new DataplaneLoadError(
      'DATAPLANE_CONTRACT_VERSION',
      `dataplane '${name}' is written for contract version ${String(theirs)}; this Portolan has ${contractVersion}`,
      older
        ? 'install a newer Portolan'
        : `install a version of '${dataplaneModule(name)}' for this Portolan`,
    )
  }
  const missing: string[] = []
  if (typeof factory.name !== 'string' || factory.name === '') missing.push('name')
  const families = (factory.capabilities as { readonly families?: unknown } | undefined)?.families
  if (!Array.isArray(families)) missing.push('capabilities.families')
  if (typeof factory.settings !== 'object' || factory.settings === null) missing.push('settings')
  if (missing.length > 0) throw incomplete(name, missing)
}
