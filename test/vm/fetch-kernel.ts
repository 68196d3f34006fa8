import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemPath } from '@portolan/native/system-command'
import { execa } from 'execa'
import { unpackDebianPackage } from './debian-package.ts'
import { cacheFolder, type Kernel, kernelFolder, kernelIn } from './kernel.ts'
import { unpackKernelImage } from './kernel-image.ts'

/** Debian's name for its newest kernel. Not the cloud variant: that one has no 9p file system. */
const kernelPackage = 'linux-image-amd64'

/**
 * Downloads Debian's kernel by apt (70 MB, with apt's mirrors and signatures), and unpacks it and busybox into the
 * cache folder. Installs nothing and needs no root. Takes about 10 s.
 *
 * @throws ExecaError when apt has no such package or can't reach its mirror: `apt-get update` may be due
 */
export async function fetchKernel(): Promise<Kernel> {
  const versioned = await versionedPackage()
  const release = versioned.replace('linux-image-', '')
  await mkdir(cacheFolder(), { recursive: true })
  const work = await mkdtemp(join(cacheFolder(), '.new-'))
  try {
    const [kernelFiles, busyboxFiles] = [join(work, 'kernel'), join(work, 'busybox-static')]
    await unpackDebianPackage(versioned, kernelFiles)
    await unpackDebianPackage('busybox-static', busyboxFiles)

    const made = join(work, release)
    const kernel = kernelIn(made, release)
    await mkdir(join(made, 'lib', 'modules'), { recursive: true })
    // Since Debian 13 packages have everything under /usr.
    await rename(await existing(kernelFiles, ['lib/modules', 'usr/lib/modules'], release), kernel.modules)
    await execa('depmod', ['--basedir', made, release], { env: { PATH: systemPath } })
    const packed = await readFile(join(kernelFiles, 'boot', `vmlinuz-${release}`))
    await writeFile(kernel.image, await unpackKernelImage(packed))
    await copyFile(await existing(busyboxFiles, ['bin', 'usr/bin'], 'busybox'), kernel.busybox)

    await rename(made, kernelFolder(release)).catch((error: NodeJS.ErrnoException) => {
      // Another process has been quicker, with the same result.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
    return kernelIn(kernelFolder(release), release)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** What the package of no version depends on: `linux-image-6.1.0-56-amd64`. */
async function versionedPackage(): Promise<string> {
  const { stdout } = await execa('apt-cache', ['show', '--no-all-versions', kernelPackage])
  const name = /^Depends:.*?\b(linux-image-\d\S*)/m.exec(stdout)?.[1]
  if (name === undefined) throw new Error(`apt knows no kernel by the name of ${kernelPackage}`)
  return name
}

async function existing(root: string, folders: readonly string[], name: string): Promise<string> {
  for (const folder of folders) {
    const names = await readdir(join(root, folder)).catch((): string[] => [])
    if (names.includes(name)) return join(root, folder, name)
  }
  throw new Error(`the package has no ${name} in ${folders.join(' or ')}`)
}
