import { lstat, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import type { DebianPackage } from './pinned.ts'
import { runTool, toolError } from './tool.ts'

/** Debian's folders of before the merge lead to those of after it. */
const mergedFolders = ['bin', 'sbin', 'lib', 'lib64'] as const

/** What a runtime mounts something at; a read-only root file system can't make them. */
const mountPoints = [
  ...['proc', 'sys', 'dev', 'tmp', 'run', 'root', 'var/lib/kube-proxy', 'usr/lib/modules'],
  ...['host/proc/sys/net', 'host/sys/fs/cgroup'],
]

/** Nobody reads it in an image: no shell is there to read it by. */
const unneeded = [
  ...['usr/share/man', 'usr/share/locale', 'usr/share/lintian', 'usr/share/bash-completion', 'usr/share/bug'],
  ...[
    'usr/share/info',
    'usr/share/gcc',
    'usr/share/gdb',
    'usr/share/initramfs-tools',
    'usr/share/base-files',
  ],
  ...['usr/lib/systemd', 'etc/init.d', 'etc/update-motd.d', 'usr/lib/x86_64-linux-gnu/gconv'],
  ...['usr/lib/aarch64-linux-gnu/gconv', 'usr/lib/x86_64-linux-gnu/perl', 'usr/share/perl5', 'home', 'boot'],
  ...['media', 'mnt', 'opt', 'srv', 'var/backups', 'var/mail', 'var/opt', 'var/spool', 'var/local'],
]

/**
 * The root file system without Portolan: what Debian's packages have in them. Their scripts are not run, since those would
 * need a shell, and that architecture; what they would have done and somebody needs is done here.
 *
 * @param files of the packages, in their order
 */
export async function layBase(
  packages: readonly DebianPackage[],
  files: readonly string[],
  into: string,
): Promise<void> {
  for (const folder of mergedFolders) {
    await mkdir(join(into, 'usr', folder), { recursive: true })
    await symlink(join('usr', folder), join(into, folder))
  }
  for (const [index, file] of files.entries()) {
    await unpack(file, into)
    // As images without dpkg have it, for those who look for known faults.
    const name = packages[index]?.name ?? ''
    const status = join(into, 'var', 'lib', 'dpkg', 'status.d', name)
    await mkdir(dirname(status), { recursive: true })
    await writeFile(status, `${await runTool('dpkg-deb', ['--field', file])}\n`)
  }
  for (const path of unneeded) await rm(join(into, path), { recursive: true, force: true })
  await keepCopyrights(join(into, 'usr', 'share', 'doc'))
  for (const path of mountPoints) await mkdir(join(into, path), { recursive: true })
  await writeFile(join(into, 'etc', 'passwd'), 'root:x:0:0:root:/root:/usr/sbin/nologin\n')
  await writeFile(join(into, 'etc', 'group'), 'root:x:0:\n')
  await nameIptables(join(into, 'usr', 'sbin'))
}

async function unpack(file: string, into: string): Promise<void> {
  try {
    await execa('dpkg-deb', ['--fsys-tarfile', file], { encoding: 'buffer' }).pipe('tar', [
      '--extract',
      '--file=-',
      '--keep-directory-symlink',
      '--no-same-owner',
      `--directory=${into}`,
    ])
  } catch (cause) {
    throw toolError(`unpacking ${file}`, cause)
  }
}

/** Licenses ask to be passed on. */
async function keepCopyrights(folder: string): Promise<void> {
  for (const entry of await readdir(folder)) {
    const own = join(folder, entry)
    if ((await lstat(own)).isSymbolicLink()) continue
    for (const name of await readdir(own))
      if (name !== 'copyright') await rm(join(own, name), { recursive: true, force: true })
  }
}

/** `iptables` is the variant over nf_tables, as Debian's alternatives have it; Portolan calls each variant by its name. */
async function nameIptables(folder: string): Promise<void> {
  for (const family of ['iptables', 'ip6tables'])
    for (const action of ['', '-save', '-restore'])
      await symlink('xtables-nft-multi', join(folder, `${family}${action}`))
}
