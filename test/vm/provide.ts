import { aptGet, updatingIfNeeded } from './debian-package.ts'
import { fetchKernel } from './fetch-kernel.ts'
import { cachedKernel, cacheFolder, type Kernel } from './kernel.ts'
import { findProgram, installArguments, missingTools } from './tools.ts'
import { VmError } from './vm-error.ts'

/** What a VM is made of, on this machine. */
export interface VmParts {
  readonly kernel: Kernel
  readonly qemu: string
  readonly setpriv: string
}

/**
 * What has to come before a VM can run here, a line each, with the command that gets it; empty: nothing.
 * Looks only at files.
 */
export function missingForVm(): readonly string[] {
  // The guest runs this machine's own programs.
  if (process.arch !== 'x64') return [`this machine is ${process.arch}; the VM is for x64 alone`]
  const tools = missingTools()
  const lines = []
  if (tools.length > 0) {
    const names = tools.map((tool) => tool.program).join(', ')
    lines.push(`not installed: ${names}; on Debian, as root: apt-get ${installArguments(tools).join(' ')}`)
  }
  if (cachedKernel() === undefined)
    lines.push(`no kernel in ${cacheFolder()}; npm run vm -- uname -r puts one there (on Debian, by apt-get)`)
  return lines
}

/** The release of the kernel that a VM would boot, as `uname -r` says it; `undefined`: there is none yet. */
export function vmKernelRelease(): string | undefined {
  return cachedKernel()?.release
}

/** @throws VmError `VM_MISSING` */
export function findParts(): VmParts {
  const kernel = cachedKernel()
  const qemu = findProgram('qemu-system-x86_64')
  const setpriv = findProgram('setpriv')
  const missing = missingForVm()
  if (missing.length > 0 || kernel === undefined || qemu === undefined || setpriv === undefined)
    throw new VmError('VM_MISSING', missing.join('\n'))
  return { kernel, qemu, setpriv }
}

/**
 * Gets what is missing: installs Debian's packages by name when run as root, as `setup.sh` does, and unpacks the
 * kernel into the cache folder, which needs no root. Does nothing when all is there.
 *
 * @param note told what is being done, as it takes half a minute
 * @throws VmError `VM_MISSING` when it can't, with what to do
 */
export async function provideVm(note: (line: string) => void = () => {}): Promise<void> {
  const tools = missingTools()
  const apt = findProgram('apt-get')
  if (process.arch !== 'x64' || apt === undefined || (tools.length > 0 && process.getuid?.() !== 0)) {
    findParts()
    return
  }
  if (tools.length > 0) {
    note(`installing Debian packages: ${tools.map((tool) => tool.package).join(', ')}`)
    await updatingLists(() => aptGet('--yes', '--quiet=2', ...installArguments(tools)))
  }
  if (cachedKernel() === undefined) {
    note("unpacking Debian's kernel into the cache folder, without installing it")
    await updatingLists(fetchKernel)
  }
}

async function updatingLists(step: () => Promise<unknown>): Promise<void> {
  try {
    await updatingIfNeeded(step)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new VmError('VM_MISSING', `apt could not provide what a VM needs: ${reason}`, { cause: error })
  }
}
