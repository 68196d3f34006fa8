import { release } from 'node:os'
import type { IpFamily } from '@portolan/core'

/**
 * Sysctls as kube-proxy's IPVS mode has them (SEMANTICS 17): connection tracking for what IPVS translates, so that it
 * can be masqueraded; connections and persistence of a destination that is gone end with it.
 */
export const ipvsSysctls: ReadonlyMap<string, string> = new Map([
  ['net.ipv4.vs.conntrack', '1'],
  ['net.ipv4.vs.expire_nodest_conn', '1'],
  ['net.ipv4.vs.expire_quiescent_template', '1'],
])

/** Those of one family. IPVS has its own once for both. */
export function sysctlsOf(family: IpFamily, kernel = release()): ReadonlyMap<string, string> {
  const wanted = new Map(ipvsSysctls)
  const [major = 0, minor = 0] = kernel.split('.').map(Number)
  // Before 5.9, with conn_reuse_mode a client that takes a port again within a minute waits a second.
  if (major < 5 || (major === 5 && minor < 9)) wanted.set('net.ipv4.vs.conn_reuse_mode', '0')
  // That of IPv6 is the operator's: setting it makes a node deaf to router advertisements.
  if (family === 'IPv4') wanted.set('net.ipv4.ip_forward', '1')
  return wanted
}
