import { existsSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { unpackDebianPackage, updatingIfNeeded } from '@portolan/vm'

/** `$XDG_CACHE_HOME/portolan/promtool` or `~/.cache/portolan/promtool`. */
function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'portolan', 'promtool')
}

/** The program; `undefined`: there is none. */
export function cachedPromtool(): string | undefined {
  const path = join(cacheFolder(), 'promtool')
  return existsSync(path) ? path : undefined
}

/**
 * Unpacks it from Debian's package, by apt, without installing that: no Prometheus is started.
 *
 * @throws ExecaError when apt has no such package or can't reach its mirror
 */
export async function fetchPromtool(): Promise<void> {
  await mkdir(cacheFolder(), { recursive: true })
  const work = await mkdtemp(join(cacheFolder(), '.prometheus-'))
  try {
    const files = join(work, 'prometheus')
    await updatingIfNeeded(() => unpackDebianPackage('prometheus', files))
    await copyFile(join(files, 'usr', 'bin', 'promtool'), join(work, 'promtool'))
    await rename(join(work, 'promtool'), join(cacheFolder(), 'promtool'))
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
