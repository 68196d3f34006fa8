import { type Flags, flagTexts } from '../config/config-flags.ts'
import { type ResolvedConfig, resolveConfig } from '../config/resolve-config.ts'
import type { Environment } from '../config/source-config.ts'
import { environment } from './environment.ts'

/**
 * What the command line and the file that it may name come to.
 *
 * @param said by the environment
 * @throws {ConfigError | ConfigFileError}
 */
export async function readConfig(flags: Flags, said: Environment = environment()): Promise<ResolvedConfig> {
  const [path = ''] = flagTexts(flags, 'config')
  if (path === '') return resolveConfig(flags, said)
  // Loads the YAML library: some 13 MiB and 20 ms, which flags do without.
  const { readConfigFile } = await import('../config/config-file.ts')
  return resolveConfig(flags, said, await readConfigFile(path))
}
