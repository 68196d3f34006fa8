import { readFileSync } from 'node:fs'

/**
 * How many files this process may have open: its soft limit, which Node.js has raised to the hard one at its start.
 *
 * @param limits the text of /proc/self/limits
 */
export function openFileLimit(limits: string): number {
  const [, soft] = /^Max open files\s+(\d+)/m.exec(limits) ?? []
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft)
}

/** No limit where it can't be read. */
export function readOpenFileLimit(): number {
  try {
    return openFileLimit(readFileSync('/proc/self/limits', 'utf8'))
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/** What may take files without end, and how many of them each gets. */
export interface FileShares {
  /** Sockets that listen at health check node ports. */
  readonly healthChecks: number
  /** Sockets that listen at NodePorts of loopback. */
  readonly nodePorts: number
  /** Connections to those; each has two sockets. */
  readonly relays: number
}

/** Files that are kept for everything else: the API server, tools, connections of clients. */
const reserve = 2048

/** Enough for what asks at localhost (agents, image pulls). */
const maxRelays = 1000

/**
 * Shares out the files of the process, so that a cluster with very many ports, or their clients, don't leave it without
 * any for its work. Everything else has 2048 of them, or half where that is less.
 *
 * @param openFiles how many files the process may have open
 */
export function shareFiles(openFiles: number): FileShares {
  const shared = Math.max(Math.floor(openFiles / 2), openFiles - reserve)
  const relays = Math.max(2, Math.min(maxRelays, Math.floor(shared / 8)))
  const listeners = Math.max(0, Math.floor((shared - 2 * relays) / 2))
  return { healthChecks: listeners, nodePorts: listeners, relays }
}

/** As the system says it, but before it is too late for everything else that needs a file. */
export function tooManyListeners(limit: number): Error {
  const message = `${limit} ports are open, as many as the process's limit of file descriptors allows`
  return Object.assign(new Error(message), { code: 'EMFILE' })
}
