import { readdir, readFile, readlink } from 'node:fs/promises'
import { kubeProxyProcesses } from './kube-proxy-processes.ts'

/** Where kube-proxy answers by default: for its health, and its metrics. */
const ports = [10_256, 10_249]
/** TCP_LISTEN of the kernel's enum, in hexadecimal. */
const listening = '0A'

/**
 * Signs that kube-proxy is at work on this node, a line each; empty: none. Its processes are seen from the node's own PID
 * namespace alone; that another process listens where it does by default is seen from anywhere with the node's network.
 */
export async function kubeProxyAtWork(
  readProcesses: () => Promise<readonly number[]> = kubeProxyProcesses,
): Promise<readonly string[]> {
  const processes = await readProcesses()
  if (processes.length > 0) return [`process ${processes.join(', ')}`]
  const own = await ownSockets()
  const taken: number[] = []
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6'])
    for (const { port, inode } of listeners(await readFile(table, 'utf8').catch(() => '')))
      if (ports.includes(port) && !own.has(inode) && !taken.includes(port)) taken.push(port)
  return taken.map((port) => `another process listens at port ${port}`)
}

/** Ports that somebody listens at, and the inodes of the sockets. @param table what `/proc/net/tcp` says */
export function listeners(table: string): readonly { readonly port: number; readonly inode: string }[] {
  return table.split('\n').flatMap((line) => {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/)
    if (state !== listening) return []
    return [{ port: Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16), inode }]
  })
}

async function ownSockets(): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  for (const fd of await readdir('/proc/self/fd').catch(() => [])) {
    const link = await readlink(`/proc/self/fd/${fd}`).catch(() => '')
    const inode = /^socket:\[(\d+)\]$/.exec(link)?.[1]
    if (inode !== undefined) found.add(inode)
  }
  return found
}
