import type { LogEvent } from './events.ts'

/** What a line reports beside its sentence. `event` stays the same where the sentence changes: alert on that. */
export interface EventFields {
  readonly event: LogEvent
  readonly [field: string]: unknown
}

/** The part of a pino logger that the core uses. Every line from `info` on has an event; `debug` is for developers. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: EventFields, message: string): void
  warn(fields: EventFields, message: string): void
  error(fields: EventFields, message: string): void
}
