import { readFileSync } from 'node:fs'
import { inNetworkNamespace } from '@portolan/native'

/** Runs a synchronous function in a network namespace, or where the caller is. */
export function inNamespace<Result>(networkNamespace: string | undefined, run: () => Result): Result {
  return networkNamespace === undefined ? run() : inNetworkNamespace(networkNamespace, run)
}

/** A file of /proc, as the calling thread sees it; `undefined`: there is no such file. */
export function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

const liberalPath = '/proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal'

export function isTcpLiberal(networkNamespace: string | undefined): boolean {
  return inNamespace(networkNamespace, () => (readProc(liberalPath) ?? '0').trim() !== '0')
}
