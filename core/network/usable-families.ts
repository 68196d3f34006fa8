import { readFile } from 'node:fs/promises'
import type { IpFamily } from './address.ts'

/**
 * The IP families that this node can carry: IPv4 always, IPv6 when the kernel has it and it isn't disabled
 * (SEMANTICS 19). `/proc/net` is that of this process's network namespace.
 */
export async function usableFamilies(
  read: (path: string) => Promise<string> = (path) => readFile(path, 'utf8'),
): Promise<IpFamily[]> {
  const interfaces = await read('/proc/net/if_inet6').catch(() => undefined)
  const disabled = await read('/proc/sys/net/ipv6/conf/all/disable_ipv6').catch(() => '0')
  return interfaces === undefined || disabled.trim() === '1' ? ['IPv4'] : ['IPv4', 'IPv6']
}
