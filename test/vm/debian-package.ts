import { mkdtemp, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'

/**
 * Downloads a Debian package by apt, with apt's mirrors and signatures, and unpacks it into a folder. Installs nothing,
 * starts no service and needs no root.
 *
 * @throws ExecaError when apt has no such package or can't reach its mirror: see {@link updatingIfNeeded}
 */
export async function unpackDebianPackage(name: string, into: string): Promise<void> {
  const folder = await mkdtemp(`${into}-`)
  // As root apt would download as a user of its own, who can't write here.
  await execa('apt-get', ['--option', 'APT::Sandbox::User=root', 'download', name], { cwd: folder })
  for (const file of await readdir(folder)) await execa('dpkg-deb', ['--extract', join(folder, file), into])
}

export async function aptGet(...args: readonly string[]): Promise<void> {
  await execa('apt-get', args, { env: { DEBIAN_FRONTEND: 'noninteractive' } })
}

/** Tries once more after `apt-get update`: a machine's lists may be old or not there at all (a fresh container image). */
export async function updatingIfNeeded<Result>(step: () => Promise<Result>): Promise<Result> {
  try {
    return await step()
  } catch {
    if (process.getuid?.() === 0) await aptGet('update', '--quiet=2')
    return await step()
  }
}
