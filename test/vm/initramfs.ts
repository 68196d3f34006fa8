import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { quote } from 'shlex'
import { type Command, commandScript } from './command-script.ts'
import { type ArchiveFile, cpioArchive } from './cpio.ts'
import { decompress } from './decompress.ts'
import type { Kernel } from './kernel.ts'
import { loadOrder } from './kernel-modules.ts'

/** What one run of the guest does. */
export interface Job extends Command {
  /** Folders whose changes reach the host, absolute, in the order of their QEMU devices. */
  readonly writable: readonly string[]
}

/** What it takes to see the host's files and to talk to the host; everything else loads by itself later. */
const bootModules = ['virtio_pci', 'virtio_console', '9pnet_virtio', '9p', 'overlay']

/** The name of a writable folder's device, which init.sh mounts it by. */
export function writableTag(index: number): string {
  return `writable${index}`
}

/** The guest's first files: busybox, modules, the two scripts of `guest/`, and what is different in each run. */
export async function initramfs(kernel: Kernel, job: Job): Promise<Buffer> {
  const [dependencies, builtIn] = await Promise.all(
    ['modules.dep', 'modules.builtin'].map((name) => readFile(join(kernel.modules, name), 'utf8')),
  )
  const modules = loadOrder(bootModules, dependencies ?? '', builtIn ?? '')
  return cpioArchive([
    ...['bin/', 'dev/', 'proc/', 'sys/', 'modules/', 'lower/', 'upper/', 'root/', 'vm/'].map(emptyFolder),
    { name: 'bin/busybox', content: await readFile(kernel.busybox) },
    ...(await Promise.all(
      modules.map(async (file, index) => ({
        // Loaded in the order of their names.
        name: `modules/${String(index).padStart(3, '0')}-${basename(file)}`,
        content: await decompress(await readFile(join(kernel.modules, file))),
      })),
    )),
    { name: 'init', content: await readFile(join(import.meta.dirname, 'guest', 'init.sh')) },
    { name: 'vm/job.sh', content: await readFile(join(import.meta.dirname, 'guest', 'job.sh')) },
    { name: 'vm/settings', content: settings(kernel) },
    {
      name: 'vm/writable',
      content: job.writable.map((path, index) => `${writableTag(index)} ${path}\n`).join(''),
    },
    { name: 'vm/command', content: commandScript(job) },
  ])
}

function emptyFolder(name: string): ArchiveFile {
  return { name, content: '' }
}

function settings({ release, modules }: Kernel): string {
  return `release=${quote(release)}\nmodules=${quote(modules)}\n`
}
