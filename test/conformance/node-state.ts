import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { systemPath } from '@portolan/native/system-command'

/** What is in a node's kernel where dataplanes put things, by the tools that list it; one that is not here is left out. */
const listings: readonly (readonly [string, ...string[]])[] = [
  ['nft', '--stateless', '--json', 'list', 'ruleset'],
  ['iptables-legacy-save'],
  ['ip6tables-legacy-save'],
  ['ipset', 'save'],
  ['ip', '-oneline', 'link', 'show'],
  ['ip', '-oneline', 'address', 'show'],
  ['ip', 'rule', 'show'],
  ['ip', '-6', 'rule', 'show'],
  ['tc', 'qdisc', 'show'],
]

/**
 * Everything of that, a line each, so that what a dataplane leaves behind shows without its help. What the iptables tools
 * make by themselves and never remove, empty tables and their own chains, is left out.
 */
export async function nodeState(networkNamespace: string): Promise<ReadonlySet<string>> {
  const listed = await Promise.all(listings.map((command) => listing(networkNamespace, command)))
  return new Set(listed.flat())
}

async function listing(
  networkNamespace: string,
  [tool, ...args]: readonly [string, ...string[]],
): Promise<readonly string[]> {
  try {
    const { stdout } = await promisify(execFile)('nsenter', [`--net=${networkNamespace}`, tool, ...args], {
      env: { PATH: systemPath, LC_ALL: 'C' },
      maxBuffer: 1 << 26,
    })
    return tool === 'nft' ? nftObjects(stdout) : stdout.split('\n').flatMap((line) => lineOf(tool, line))
  } catch (error) {
    // nsenter ends so where it finds no such program; a kernel without the mechanism makes the tool fail.
    if (typeof (error as { code?: unknown }).code === 'number') return []
    throw error
  }
}

/** Tables and base chains may be iptables' own; whatever is in them is told. */
function nftObjects(json: string): readonly string[] {
  const { nftables } = JSON.parse(json) as { nftables: readonly Readonly<Record<string, object>>[] }
  return nftables
    .filter(({ metainfo, table, chain }) => {
      const isOfIptables = (name: unknown) =>
        ['filter', 'nat', 'mangle', 'raw', 'security'].includes(String(name))
      if (metainfo !== undefined) return false
      if (table !== undefined) return !isOfIptables((table as { name?: unknown }).name)
      return chain === undefined || !(isOfIptables((chain as { table?: unknown }).table) && 'hook' in chain)
    })
    .map((object) => `nft: ${JSON.stringify(object, (key, value) => (key === 'handle' ? undefined : value))}`)
}

function lineOf(tool: string, line: string): readonly string[] {
  const isKept = /^(#|\*|COMMIT|$)/.test(line) || /^:\S+ (ACCEPT|DROP) /.test(line)
  return isKept ? [] : [`${tool}: ${line.replace(/\[\d+:\d+\]/, '').trim()}`]
}
