import { accessSync, constants, existsSync } from 'node:fs'
import { dirname } from 'node:path'

/** Where iptables-legacy looks for it. */
const lock = process.env.XTABLES_LOCKFILE ?? '/run/xtables.lock'

/**
 * Whether iptables-legacy can take its lock, without which it changes nothing; `undefined`: it can. The programs of the nft
 * variant take none.
 */
export function xtablesLockProblem(path = lock): { readonly what: string; readonly fix: string } | undefined {
  try {
    accessSync(existsSync(path) ? path : dirname(path), constants.W_OK)
    return undefined
  } catch (error) {
    return {
      what: `${path} can't be written (${(error as NodeJS.ErrnoException).code}), the lock that iptables-legacy takes for every change`,
      fix: "in a Pod, mount the node's at this path: hostPath: { path: /run/xtables.lock, type: FileOrCreate }, not readOnly",
    }
  }
}
