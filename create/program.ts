import { CommanderError } from 'commander'
import { createCommand } from './command.ts'
import { CreateError } from './create-error.ts'

/** `npm create @portolan/dataplane`, with its arguments (without node and script). Sets the process's exit code. */
export async function main(args: readonly string[]): Promise<void> {
  try {
    await createCommand('create-dataplane').parseAsync(args, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : 2
      return
    }
    if (!(error instanceof CreateError)) throw error
    console.error(`create-dataplane: ${error.message}`)
    console.error(`  fix: ${error.fix}`)
    process.exitCode = error.exitCode
  }
}
