import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseDataplaneName } from '@portolan/bench'
import type { DataplaneUnderTest } from '@portolan/conformance'
import { dataplaneModule, findPackage, loadFactory } from '@portolan/core/dataplane'
import { EvaluationError } from './evaluation-error.ts'

/** A dataplane that is evaluated, with what its author gives the kit. */
export interface Subject extends DataplaneUnderTest {
  readonly settings: Readonly<Record<string, string>>
  /** Where the hooks come from; `undefined`: there are none. */
  readonly underTest: string | undefined
}

/** Where a package says what the kit has to know of it, from its package.json. */
const usualPlaces = ['test/under-test.ts', 'test/under-test.js']

/**
 * Loads a dataplane by the name that `--dataplane` takes, and the hooks that lie in its package.
 *
 * @param asked with options, if need be: `nftables?transport=nft`
 * @param underTest path of the module with the hooks; absent: looked for in the dataplane's package
 * @throws what loading it throws: DataplaneLoadError, or what the module with the hooks threw; EvaluationError when that
 * module is about another dataplane
 */
export async function loadSubject(asked: string, underTest?: string): Promise<Subject> {
  const { module, settings } = parseDataplaneName(asked)
  const factory = await loadFactory(module)
  const url = moduleUrl(module)
  const hooksAt = underTest === undefined ? hooksOf(url) : resolve(underTest)
  if (hooksAt === undefined) return { factory, settings, underTest: undefined, ...(url && { module: url }) }
  const given = ((await import(pathToFileURL(hooksAt).href)) as { readonly default?: unknown }).default
  if (!isUnderTest(given))
    throw new TypeError(`${hooksAt} has no default export with a factory: it has to be a DataplaneUnderTest`)
  if (given.wraps === factory) return { ...given, settings, underTest: hooksAt }
  if (given.factory.name !== factory.name)
    throw new EvaluationError(
      `${hooksAt} is about the dataplane ${given.factory.name}, and ${asked} is ${factory.name}`,
      `name the module with the hooks of ${factory.name} by --under-test; one without hooks has the factory alone`,
    )
  // It may have the same dataplane from elsewhere, as from src/ when dist/ is asked for: that one isn't.
  const { hooks } = given
  return {
    factory,
    settings,
    underTest: hooksAt,
    ...(url && { module: url }),
    ...(hooks && { hooks }),
  }
}

function isUnderTest(given: unknown): given is DataplaneUnderTest {
  return typeof given === 'object' && given !== null && 'factory' in given
}

function moduleUrl(name: string): string | undefined {
  if (/^\.{0,2}\//.test(name)) return pathToFileURL(resolve(name)).href
  return findPackage(dataplaneModule(name))[0]
}

function hooksOf(url: string | undefined): string | undefined {
  if (url === undefined) return undefined
  for (let folder = dirname(fileURLToPath(url)); folder !== dirname(folder); folder = dirname(folder)) {
    if (!existsSync(join(folder, 'package.json'))) continue
    return usualPlaces.map((place) => join(folder, place)).find((path) => existsSync(path))
  }
  return undefined
}
