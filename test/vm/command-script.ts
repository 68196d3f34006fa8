import { quote } from 'shlex'

/** A command with all that a process starts with. */
export interface Command {
  readonly command: readonly string[]
  /** The folder it runs in. */
  readonly cwd: string
  /** All of its environment. */
  readonly env: Readonly<Record<string, string>>
}

/**
 * A shell script that becomes the command.
 *
 * `env` rather than exports: names in an environment need not be names in a shell. By its path, for a busybox shell
 * would take its own.
 */
export function commandScript({ command, cwd, env }: Command): string {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  return `exec ${['/usr/bin/env', '-i', `--chdir=${cwd}`, ...variables, ...command].map(quote).join(' ')}\n`
}
