import { ConfigError, type ConfigProblem } from './config-error.ts'
import type { Flags } from './config-flags.ts'
import { valuesOf } from './field.ts'
import { portolanFields } from './portolan-fields.ts'
import type { ProxyConfig } from './proxy-config.ts'
import { readFlags } from './read-flags.ts'
import { resolveConfig } from './resolve-config.ts'
import type { Environment } from './source-config.ts'

export type { Environment, Flags }

/**
 * What the command line comes to where it names no file.
 *
 * @throws {ConfigError} naming every flag that can't be used.
 */
export function parseFlags(flags: Flags, environment: Environment): ProxyConfig {
  return resolveConfig(flags, environment).config
}

/**
 * The settings of a dataplane, each written as NAME=VALUE.
 *
 * @throws {ConfigError}
 */
export function parseDataplaneSettings(dataplaneOption: readonly string[]): Readonly<Record<string, string>> {
  const problems: ConfigProblem[] = []
  const { portolan } = readFlags({ dataplaneOption }, false, problems)
  if (problems.length > 0) throw new ConfigError(problems)
  return valuesOf(portolanFields, portolan).dataplaneOptions
}
