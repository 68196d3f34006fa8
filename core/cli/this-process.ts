import type { Holder } from '../node/one-at-a-time.ts'
import { readVersion } from './version.ts'

/** What this process tells another one that wants to work on the same node. */
export function thisProcess(command: Holder['command']): Holder {
  const since = new Date(Date.now() - process.uptime() * 1000).toISOString()
  return { command, pid: process.pid, since, version: readVersion() }
}
