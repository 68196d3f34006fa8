import { readFile } from 'node:fs/promises'
import type { IpFamily } from '../network/address.ts'
import { askTool, type ToolAnswer } from './system-tool.ts'

/** A family of netfilter, and what its programs are called. */
export interface NetfilterFamily {
  readonly family: IpFamily
  /** As nft has it. */
  readonly name: 'ip' | 'ip6'
  readonly iptables: 'iptables' | 'ip6tables'
  /** Where the kernel lists the legacy tables that there are. */
  readonly tables: string
}

export const netfilterFamilies: readonly NetfilterFamily[] = [
  { family: 'IPv4', name: 'ip', iptables: 'iptables', tables: '/proc/net/ip_tables_names' },
  { family: 'IPv6', name: 'ip6', iptables: 'ip6tables', tables: '/proc/net/ip6_tables_names' },
]

/**
 * What iptables-legacy says of a chain of its table filter. To ask of a legacy table makes it, so only one that exists is
 * asked for.
 *
 * @returns `undefined` where there is no such table
 */
export async function askLegacyFilter(
  { iptables, tables }: NetfilterFamily,
  chain: string,
  signal?: AbortSignal,
): Promise<ToolAnswer | undefined> {
  const existing = await readFile(tables, 'utf8').catch(() => '')
  if (!existing.split('\n').includes('filter')) return undefined
  return askTool(`${iptables}-legacy`, ['-w', '1', '-t', 'filter', '-S', chain], signal)
}
