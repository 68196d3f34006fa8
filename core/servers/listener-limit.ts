/** File descriptors that are kept for everything else: the API server, tools, connections of clients. */
const reserve = 2048

/**
 * How many sockets health check node ports may take, so that a cluster with very many of them doesn't leave the process
 * without file descriptors for its work.
 *
 * @param openFiles how many files the process may have open
 */
export function listenerLimit(openFiles: number): number {
  return Math.max(Math.floor(openFiles / 2), openFiles - reserve)
}
