import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'

/** A program that this machine must have, and the Debian package that brings it. */
export interface Tool {
  readonly program: string
  readonly package: string
}

const tools = [
  { program: 'qemu-system-x86_64', package: 'qemu-system-x86' },
  // depmod here, and modprobe in the guest: its kernel calls it for a module that is asked for.
  { program: 'modprobe', package: 'kmod' },
  { program: 'setpriv', package: 'util-linux' },
  { program: 'xz', package: 'xz-utils' },
] as const satisfies readonly Tool[]

export type ToolName = (typeof tools)[number]['program']

export function missingTools(): readonly Tool[] {
  return tools.filter(({ program }) => findProgram(program) === undefined)
}

/** Packages by name, without what they only recommend: QEMU's recommendations are a desktop. */
export function installArguments(missing: readonly Tool[]): readonly string[] {
  return ['install', '--no-install-recommends', ...new Set(missing.map((tool) => tool.package))]
}

/** Its path; also in the folders for administrators, which are not in every user's PATH. */
export function findProgram(program: ToolName | 'apt-get'): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin', '/usr/bin', '/bin']
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}
