import type { Logger } from '../log/logger.ts'

/** For a command that runs once: what goes wrong is told, each thing once; the rest isn't. */
export function warningsTo(say: (line: string) => void): Logger {
  const said = new Set<string>()
  const silent = (): void => {}
  const tell = (_fields: object, message: string): void => {
    if (!said.has(message)) say(message)
    said.add(message)
  }
  return { debug: silent, info: silent, warn: tell, error: tell }
}
