import { type Flags, flagTexts } from '../config/config-flags.ts'
import { ConfigWatch } from '../config/config-watch.ts'
import type { ResolvedConfig } from '../config/resolve-config.ts'
import { loadDataplane } from '../dataplane/load-dataplane.ts'
import { systemClock } from '../time/clock.ts'
import type { ProcessLogger } from './log.ts'
import { readConfig } from './read-config.ts'

/** Watches the file of --config; `undefined`: there is none. */
export async function watchConfig(
  flags: Flags,
  current: ResolvedConfig,
  logger: ProcessLogger,
): Promise<ConfigWatch | undefined> {
  const [path = ''] = flagTexts(flags, 'config')
  if (path === '') return undefined
  const { configFileVersion } = await import('../config/config-file.ts')
  return new ConfigWatch({
    path,
    current,
    look: () => configFileVersion(path),
    read: () => readUsable(flags),
    onReload: ({ config }) => {
      logger.level = config.logLevel
    },
    clock: systemClock,
    logger,
  })
}

/** Options that the dataplane would refuse are as wrong as any other field. */
async function readUsable(flags: Flags): Promise<ResolvedConfig> {
  const resolved = await readConfig(flags)
  const { dataplane, masqueradeBit, dataplaneSettings: settings } = resolved.config
  await loadDataplane(dataplane, { masqueradeBit, settings })
  return resolved
}
