import { readFileSync } from 'node:fs'
import { inNetworkNamespace } from './network-namespace.ts'

/** Runs a synchronous function in a network namespace, or with `undefined` where the caller is. */
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
