import { isatty } from 'node:tty'
import { type LoggerOptions, pino } from 'pino'
import type { EventFields, Logger } from '../log/logger.ts'

/** The log of `portolan run`. */
export interface ProcessLogger extends Logger {
  fatal(fields: EventFields, message: string): void
  isLevelEnabled(level: string): boolean
  /** The least important lines that are written; may be set. */
  level: string
}

/** Lines for a person where stdout is a terminal, else one JSON object a line. */
export async function createLogger(level: string): Promise<ProcessLogger> {
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  }
  // Written at once: the last line before an exit is the one that explains it.
  if (!isatty(1)) return pino(options, pino.destination({ fd: 1, sync: true }))
  const { default: pretty } = await import('pino-pretty')
  return pino(
    options,
    pretty({ destination: 1, sync: true, translateTime: 'SYS:HH:MM:ss.l', messageKey: 'msg' }),
  )
}
