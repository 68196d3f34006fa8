import { exitCodes } from './user-error.ts'

/**
 * Has a command end by what it is told when its output can't be written. That a reader closes early (`plan | head`) is no
 * error: the exit code says then what the command has found so far.
 */
export function endWithoutOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') {
      console.error(`portolan: the output can't be written: ${reasonOf(error)}`)
      process.exitCode = exitCodes.failure
    }
    process.exit()
  })
  // Whom could one tell? The exit code stays what it is.
  process.stderr.on('error', () => {})
}

/** `ENOSPC: no space left on device` */
export function reasonOf({ message }: NodeJS.ErrnoException): string {
  return message.split(',')[0] ?? message
}
