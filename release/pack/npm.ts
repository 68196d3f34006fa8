import { ExecaError, execa } from 'execa'
import { PackError } from './pack-error.ts'

/** Runs npm in a folder, quietly. @returns what it printed @throws PackError NPM */
export async function npm(args: readonly string[], cwd: string): Promise<string> {
  try {
    const quiet = ['--loglevel=error', '--no-audit', '--no-fund', '--no-update-notifier']
    return (await execa('npm', [...args, ...quiet], { cwd })).stdout
  } catch (cause) {
    const said = cause instanceof ExecaError ? String(cause.stderr || cause.shortMessage) : String(cause)
    throw new PackError('NPM', `npm ${args[0]}: ${said.trim()}`, { cause })
  }
}
