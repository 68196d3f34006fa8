import { readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** A kernel in the cache folder, with what it needs to boot. */
export interface Kernel {
  /** As `uname -r` says it: `6.1.0-56-amd64`. */
  readonly release: string
  /** What QEMU boots. */
  readonly image: string
  /** The folder that the guest has as `/lib/modules/RELEASE`. */
  readonly modules: string
  /** A busybox that needs no library: the guest's first program, before it sees this machine's files. */
  readonly busybox: string
}

/** `$XDG_CACHE_HOME/portolan/vm` or `~/.cache/portolan/vm`: one folder for each kernel. */
export function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'portolan', 'vm')
}

export function kernelFolder(release: string): string {
  return join(cacheFolder(), release)
}

/** The newest kernel in the cache folder. Folders appear there whole, so one that is there is complete. */
export function cachedKernel(): Kernel | undefined {
  const release = readFolder(cacheFolder())
    .filter((name) => /^\d/.test(name))
    .sort(new Intl.Collator('en', { numeric: true }).compare)
    .at(-1)
  return release === undefined ? undefined : kernelIn(kernelFolder(release), release)
}

export function kernelIn(folder: string, release: string): Kernel {
  return {
    release,
    image: join(folder, 'vmlinux'),
    modules: join(folder, 'lib', 'modules', release),
    busybox: join(folder, 'busybox'),
  }
}

function readFolder(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}
