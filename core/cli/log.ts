import { isatty } from 'node:tty'
import { type LoggerOptions, pino } from 'pino'
import type { EventFields, Logger } from '../log/logger.ts'
import { LogOutput } from './log-output.ts'
import { reasonOf } from './output-failure.ts'

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
  if (!isatty(1)) return pinoAt(options)
  const { default: pretty } = await import('pino-pretty')
  return pino(
    options,
    pretty({ destination: 1, sync: true, translateTime: 'SYS:HH:MM:ss.l', messageKey: 'msg' }),
  )
}

function pinoAt(options: LoggerOptions): ProcessLogger {
  const logger: ProcessLogger = pino(
    options,
    new LogOutput({
      onLost: (error) =>
        console.error(
          `portolan: the log can't be written: ${reasonOf(error)}; the process goes on, without its lines`,
        ),
      onBack: (lines) =>
        logger.warn(
          { event: 'log-lost', lines },
          `${lines} lines of the log before this could not be written`,
        ),
    }),
  )
  return logger
}
