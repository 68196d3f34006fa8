import { readFile } from 'node:fs/promises'

/** File descriptors that are kept for everything else: the API server, tools, connections of clients. */
const reserve = 2048

/**
 * How many sockets health check node ports may take, so that a cluster with very many of them doesn't leave the process
 * without file descriptors for its work. Node.js has raised its soft limit to the hard one at its start.
 *
 * @param limits the text of `/proc/self/limits`
 */
export function listenerLimit(limits: string): number {
  const soft = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1])
  return Number.isNaN(soft) ? Number.POSITIVE_INFINITY : Math.max(Math.floor(soft / 2), soft - reserve)
}

export async function readListenerLimit(): Promise<number> {
  return listenerLimit(await readFile('/proc/self/limits', 'utf8').catch(() => ''))
}
