import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Clock, systemClock } from '../time/clock.ts'
import { contractVersion, type Dataplane, type DataplaneOptions } from './contract.ts'
import { thrownMessage } from './dataplane-error.ts'
import { SupervisedDataplane, type SupervisionOptions } from './supervised-dataplane.ts'

/** The dataplanes that Portolan itself brings, by the short names that operators use for them. */
export const ownDataplanes: Readonly<Record<string, string>> = {
  nftables: '@portolan/dataplane-nftables',
  iptables: '@portolan/dataplane-iptables',
  ipvs: '@portolan/dataplane-ipvs',
  ebpf: '@portolan/dataplane-ebpf',
}

const requiredMethods = [
  'probe',
  'start',
  'observe',
  'isUnchanged',
  'endpointOrder',
  'nothingHeld',
  'compile',
  'reconcile',
  'print',
  'measure',
  'apply',
  'trace',
  'stop',
  'cleanup',
] as const satisfies readonly (keyof Dataplane<unknown, unknown>)[]

/** Milliseconds for a module and all that it imports. */
const importDeadline = 30_000

/** Codes of {@link DataplaneLoadError}: when it happens, and the fix. */
export const dataplaneLoadErrorCodes = {
  DATAPLANE_NOT_INSTALLED: {
    when: 'there is no package or file of the name given with --dataplane',
    fix: 'install the package, or give its path',
  },
  DATAPLANE_BROKEN: {
    when: 'the package is there, but importing it or making the dataplane fails',
    fix: 'report it, with the message, to its author',
  },
  DATAPLANE_WITHOUT_FACTORY: {
    when: "the package's default export is not a function that makes a dataplane",
    fix: 'check the name; an author exports the factory as default',
  },
  DATAPLANE_CONTRACT_VERSION: {
    when: 'the dataplane fulfils another version of the contract',
    fix: 'install the version of the dataplane that fits this Portolan',
  },
  DATAPLANE_INCOMPLETE: {
    when: 'the dataplane lacks a method or a declaration that the contract asks for',
    fix: 'report it to its author; docs/writing-a-dataplane.md has the contract',
  },
} as const

export type DataplaneLoadCode = keyof typeof dataplaneLoadErrorCodes

/** Why a dataplane package could not be used, and what to do about it. */
export class DataplaneLoadError extends Error {
  readonly code: DataplaneLoadCode
  readonly mend: string

  constructor(code: DataplaneLoadCode, message: string, mend: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'DataplaneLoadError'
    this.code = code
    this.mend = mend
  }
}

/** The module that a dataplane's name stands for: one of ours, a path, or a package by its own name. */
export function dataplaneModule(name: string): string {
  return Object.hasOwn(ownDataplanes, name) ? (ownDataplanes[name] ?? name) : name
}

/**
 * Loads the dataplane that the operator named: `nftables`, a package (`@acme/portolan-dataplane-vpp`), or a path
 * that starts with `./`, `../` or `/`. No other package is ever imported. What comes out fulfils the contract as far
 * as its shape tells, and is supervised: whatever it does, its caller gets an answer.
 *
 * @throws {DataplaneLoadError} saying what is wrong with the package and what to do.
 */
export async function loadDataplane(
  name: string,
  options: DataplaneOptions,
  workingDirectory: string = process.cwd(),
  supervision: SupervisionOptions = {},
): Promise<Dataplane<unknown, unknown>> {
  const { clock } = supervision
  return new SupervisedDataplane(await importDataplane(name, options, workingDirectory, clock), supervision)
}

/** The same without supervision: for measuring a dataplane itself. */
export async function importDataplane(
  name: string,
  options: DataplaneOptions,
  workingDirectory: string = process.cwd(),
  clock: Clock = systemClock,
): Promise<Dataplane<unknown, unknown>> {
  const factory = await loadFactory(name, workingDirectory, clock)
  let made: unknown
  try {
    made = factory(options)
  } catch (cause) {
    throw new DataplaneLoadError(
      'DATAPLANE_BROKEN',
      `dataplane '${name}' can't be made: ${thrownMessage(cause)}`,
      'check its --dataplane-option values; else report it to its author',
      { cause },
    )
  }
  return checkContract(name, made)
}

async function loadFactory(
  name: string,
  workingDirectory: string,
  clock: Clock,
): Promise<(options: DataplaneOptions) => unknown> {
  const exported = await importModule(name, workingDirectory, clock)
  const factory = (exported as { readonly default?: unknown }).default
  if (typeof factory !== 'function') {
    const found = factory === undefined ? 'no default export' : `a default export of type ${typeof factory}`
    throw new DataplaneLoadError(
      'DATAPLANE_WITHOUT_FACTORY',
      `'${dataplaneModule(name)}' is not a dataplane: it has ${found}`,
      'a dataplane package exports a DataplaneFactory as its default',
    )
  }
  return factory as (options: DataplaneOptions) => unknown
}

/** Beside the core first, then where the operator stands, so that a dataplane may be installed in either place. */
async function importModule(name: string, workingDirectory: string, clock: Clock): Promise<object> {
  if (isPath(name)) return importUrl(name, pathToFileURL(resolve(workingDirectory, name)).href, clock)
  const specifier = dataplaneModule(name)
  try {
    return await importUrl(name, import.meta.resolve(specifier), clock)
  } catch (error) {
    if (error instanceof DataplaneLoadError && error.code !== 'DATAPLANE_NOT_INSTALLED') throw error
  }
  let path: string
  try {
    path = createRequire(resolve(workingDirectory, 'package.json')).resolve(specifier)
  } catch (cause) {
    throw notInstalled(name, specifier, cause)
  }
  return importUrl(name, pathToFileURL(path).href, clock)
}

async function importUrl(name: string, url: string, clock: Clock): Promise<object> {
  let cancel = (): void => {}
  const tooLong = new Promise<never>((_, reject) => {
    const seconds = importDeadline / 1000
    const mend =
      'a module that waits for something at its top level must not: what takes time belongs into start()'
    const error = () =>
      new DataplaneLoadError('DATAPLANE_BROKEN', `dataplane '${name}' has not loaded for ${seconds} s`, mend)
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
      `'${name}' is taken for the name of a package, and none of that name is installed`,
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

function checkContract(name: string, made: unknown): Dataplane<unknown, unknown> {
  if (made instanceof Promise) {
    // Nobody waits for it: its own failure must not end the process as an unhandled one.
    made.catch(() => {})
    throw new DataplaneLoadError(
      'DATAPLANE_INCOMPLETE',
      `dataplane '${name}': its factory returned a promise, not a dataplane`,
      'a DataplaneFactory returns at once; what has to be awaited belongs into start()',
    )
  }
  if (typeof made !== 'object' || made === null) {
    throw new DataplaneLoadError(
      'DATAPLANE_INCOMPLETE',
      `dataplane '${name}': its factory returned ${made === null ? 'null' : typeof made}, not a dataplane`,
      'a DataplaneFactory returns an object that fulfils the Dataplane contract',
    )
  }
  const dataplane = made as Record<string, unknown>
  if (dataplane.contractVersion !== contractVersion) {
    const theirs = dataplane.contractVersion
    const older = typeof theirs === 'number' && theirs > contractVersion
    throw new DataplaneLoadError(
      'DATAPLANE_CONTRACT_VERSION',
      `dataplane '${name}' is written for contract version ${String(theirs)}; this Portolan has ${contractVersion}`,
      older
        ? 'install a newer Portolan'
        : `install a version of '${dataplaneModule(name)}' for this Portolan`,
    )
  }
  const missing: string[] = requiredMethods.filter((method) => typeof dataplane[method] !== 'function')
  if (typeof dataplane.name !== 'string' || dataplane.name === '') missing.unshift('name')
  const families = (dataplane.capabilities as { readonly families?: unknown } | undefined)?.families
  if (!Array.isArray(families)) missing.push('capabilities.families')
  if (missing.length > 0) {
    throw new DataplaneLoadError(
      'DATAPLANE_INCOMPLETE',
      `dataplane '${name}' lacks ${missing.join(', ')} of the Dataplane contract`,
      'report it to its author',
    )
  }
  return made as Dataplane<unknown, unknown>
}
