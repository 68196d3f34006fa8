import { stat } from 'node:fs/promises'
import { type Flags, flagTexts } from '../config/config-flags.ts'
import { ConfigWatch } from '../config/config-watch.ts'
import type { ResolvedConfig } from '../config/resolve-config.ts'
import { loadDataplane, ownDataplanes } from '../dataplane/load-dataplane.ts'
import { unusable } from '../proxy/proxy-error.ts'
import { systemClock } from '../time/clock.ts'
import type { ProcessLogger } from './log.ts'
import { readConfig } from './read-config.ts'
import { tellNotes } from './tell-config.ts'
import { UserError } from './user-error.ts'

/** Watches the file of --config; `undefined`: there is none. */
export async function watchConfig(
  flags: Flags,
  current: ResolvedConfig,
  logger: ProcessLogger,
): Promise<ConfigWatch | undefined> {
  const [path = ''] = flagTexts(flags, 'config')
  if (path === '') return undefined
  const { ConfigFileError, configFileVersion } = await import('../config/config-file.ts')
  const isPipe = () =>
    stat(path).then(
      (file) => file.isFIFO(),
      () => false,
    )
  // As `<(...)` in bash: what it had to say has been read.
  if (await isPipe()) return undefined
  return new ConfigWatch({
    path,
    current,
    look: () => configFileVersion(path),
    read: async () => {
      // Whoever opens one waits for who writes to it, in a thread without which the process can't end.
      if (await isPipe()) throw new ConfigFileError(`${path} is a pipe now`, 'put a file in its place')
      return readUsable(flags, current)
    },
    onNotes: (notes) => tellNotes(notes, logger),
    onReload: ({ config }) => {
      logger.level = config.logLevel
    },
    clock: systemClock,
    logger,
  })
}

/**
 * Options that the dataplane would refuse are as wrong as any other field; and so is another dataplane that could not run
 * here, or could not take over.
 */
async function readUsable(flags: Flags, { config: current }: ResolvedConfig): Promise<ResolvedConfig> {
  const resolved = await readConfig(flags)
  const { dataplane: name, masqueradeBit, dataplaneSettings: settings } = resolved.config
  const dataplane = await loadDataplane(name, { masqueradeBit, settings })
  if (name === current.dataplane) return resolved
  const probe = await dataplane.probe()
  if (!probe.usable) throw unusable(name, probe)
  const isOwn = Object.entries(ownDataplanes).flat().includes(current.dataplane)
  if (!isOwn)
    throw new UserError(
      `the rules of dataplane ${current.dataplane}, which is none of Portolan's own, would stay beside those of ${name}`,
      {
        fix: `drain the node, stop this process, run 'portolan cleanup --dataplane ${current.dataplane}', start it again`,
      },
    )
  return resolved
}
