import { constants } from 'node:os'

/** Has the process exit when it is told to end: what is undone at an exit is undone then, too. */
export function exitOnSignals(): void {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(name, () => process.exit(128 + constants.signals[name]))
}
