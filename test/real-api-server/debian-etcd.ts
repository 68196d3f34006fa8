import { copyFile, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { unpackDebianPackage, updatingIfNeeded } from '@portolan/vm'
import { execa } from 'execa'
import { cacheFolder, readFolder } from './cache.ts'

/**
 * Debian's etcd-server, which is an old one: that of Debian 12 has no RequestWatchProgress, without which kube-apiserver
 * serves no watch-list, and reads from etcd what it has in its watch cache.
 */
export interface DebianEtcd {
  readonly program: string
  /** `3.4.23` */
  readonly version: string
}

export function cachedEtcd(): DebianEtcd | undefined {
  const name = readFolder(cacheFolder()).find((name) => name.startsWith('etcd-'))
  return name === undefined
    ? undefined
    : { program: join(cacheFolder(), name), version: name.slice('etcd-'.length) }
}

/** Whether the storage feature RequestWatchProgress is there: as kube-apiserver decides it. */
export function hasWatchProgress({ version }: DebianEtcd): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  if (major !== 3 || minor > 5) return true
  if (minor === 5) return patch >= 8
  return minor === 4 && patch >= 25
}

/**
 * Unpacks it from its package, by apt, without installing it: no service is started.
 *
 * @throws ExecaError when apt has no such package or can't reach its mirror
 */
export async function fetchEtcd(): Promise<void> {
  await mkdir(cacheFolder(), { recursive: true })
  const work = await mkdtemp(join(cacheFolder(), '.etcd-'))
  try {
    const files = join(work, 'etcd-server')
    await updatingIfNeeded(() => unpackDebianPackage('etcd-server', files))
    const program = join(files, 'usr', 'bin', 'etcd')
    const { stdout } = await execa(program, ['--version'])
    const version = /^etcd Version: (\S+)/m.exec(stdout)?.[1]
    if (version === undefined) throw new Error(`${program} --version says no version: ${stdout}`)
    await copyFile(program, join(work, 'etcd'))
    await rename(join(work, 'etcd'), join(cacheFolder(), `etcd-${version}`))
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
