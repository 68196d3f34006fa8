/** What a dataplane logs with, for its author: each line has its name. What an operator must know is a `notify`. */
export interface DataplaneLogger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
}

export const silentLogger: DataplaneLogger = { debug() {}, info() {} }
