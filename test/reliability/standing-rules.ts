import type { Lab } from '@portolan/lab'
import { nodeDirectory } from '../../dataplanes/ebpf/kernel/pins.ts'

const listings: readonly (readonly [program: string, ...args: string[]])[] = [
  ['nft', '--terse', 'list', 'ruleset'],
  ['iptables-legacy-save'],
  ['ip6tables-legacy-save'],
  ['ipset', 'list', '-terse', '-output', 'save'],
  ['tc', 'qdisc', 'show'],
]

/** Comments, counters, elements, what a table of iptables-legacy has when it is empty, and what the kernel gives by itself. */
const passing =
  /\[\d+:\d+\]|^(#|add |\*|:[A-Z]+ (ACCEPT|DROP)|COMMIT).*|counter packets \d+ bytes \d+|(initval|hashsize) \S+/g

/** What dataplanes have in a node's kernel, elements apart, a line each. */
export async function standingRules({ node }: Pick<Lab, 'node'>): Promise<readonly string[]> {
  const pins = ['find', nodeDirectory(node.networkNamespace), '-mindepth', '1'] as const
  const outputs = await Promise.all(
    [...listings, pins].map(async ([program, ...args]) => {
      const { stdout } = await node.exec(program, args, { reject: false })
      return String(stdout)
    }),
  )
  return outputs
    .flatMap((output) => output.split('\n'))
    .map((line) => line.replace(passing, '').trim())
    .filter((line) => line !== '')
    .sort()
}
