import { readFile } from 'node:fs/promises'

/** A rule of a profile, as the OCI runtime specification has it. */
interface SyscallRule {
  readonly names: readonly string[]
  readonly action: string
}

interface Written {
  readonly defaultAction: string
  readonly architectures: readonly string[]
  readonly always: readonly SyscallRule[]
  readonly withoutAdmin: readonly SyscallRule[]
  readonly byCapability: Readonly<Record<string, readonly SyscallRule[]>>
}

/** In an OCI runtime's configuration: `linux.seccomp`. */
export interface SeccompProfile {
  readonly defaultAction: string
  readonly architectures: readonly string[]
  readonly syscalls: readonly SyscallRule[]
}

/**
 * What containerd makes of `RuntimeDefault` for a container with these capabilities: each adds what it takes to use it.
 * `seccomp-profile/` has printed the rules out of containerd's own code.
 *
 * @param capabilities `CAP_NET_ADMIN`
 * @returns `undefined` on another architecture than that for which they were printed
 */
export async function containerdDefault(
  capabilities: readonly string[],
): Promise<SeccompProfile | undefined> {
  if (process.arch !== 'x64') return undefined
  const text = await readFile(new URL('./containerd-seccomp.json', import.meta.url), 'utf8')
  const { defaultAction, architectures, always, withoutAdmin, byCapability } = JSON.parse(text) as Written
  const isAdmin = capabilities.includes('CAP_SYS_ADMIN')
  const syscalls = [
    ...always,
    ...capabilities.flatMap((capability) => byCapability[capability] ?? []),
    ...(isAdmin ? [] : withoutAdmin),
  ]
  return { defaultAction, architectures, syscalls }
}
