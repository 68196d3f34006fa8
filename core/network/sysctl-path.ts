import { existsSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Where a container that isn't privileged may see the node's `/proc/sys/net` once more: its own is read-only, and no volume
 * can be mounted below `/proc`. Which network namespace it is of goes by who opens it, as with the other.
 */
const writable = 'host/proc/sys'

/**
 * The file of a sysctl such as `net.ipv4.ip_forward`, and of those of the network the one that a container may write to.
 *
 * @param root where the file system begins: `/`, unless in a test
 */
export function sysctlPath(name: string, root = '/'): string {
  const path = name.replaceAll('.', '/')
  const isThere = name.startsWith('net.') && existsSync(join(root, writable, 'net'))
  return join(root, isThere ? writable : 'proc/sys', path)
}
