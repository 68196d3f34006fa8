import { askLegacyFilter, type NetfilterFamily, netfilterFamilies } from './legacy-filter.ts'
import { askTool } from './system-tool.ts'

/** A chain FORWARD of iptables that drops or rejects what none of its rules accepts, by its policy or by a last rule. */
export interface ClosedForward {
  /** `chain FORWARD of iptables-legacy (IPv4)` */
  readonly chain: string
  /** What changes it: `iptables-legacy`, `ip6tables-nft` */
  readonly program: string
  /** The number of the rule that lets nothing more pass; absent: the policy doesn't. */
  readonly closingRule?: number
  /** Whether somebody else's rules there can accept, of which it isn't told what. */
  readonly othersAccept: boolean
}

/** A chain FORWARD as far as it decides what passes. */
export interface ForwardChain {
  readonly drops: boolean
  /** The number of its first rule that drops or rejects everything. */
  readonly closingRule?: number
  /** Where its rules lead that can accept, up to that one: chains, and `ACCEPT`. */
  readonly targets: readonly string[]
}

/** Jumps of proxies, which are not somebody else's. */
const proxies = /^(PORTOLAN-.*|KUBE-(FORWARD|PROXY-FIREWALL|SERVICES|EXTERNAL-SERVICES|NODE-PORT))$/

/** Where Portolan's dataplane iptables accepts what it has translated. */
export const ourForward = 'PORTOLAN-FORWARD'

/** Where Portolan's dataplane ipvs accepts answers. What IPVS itself sends on doesn't pass there. */
export const ipvsForward = 'PORTOLAN-IPVS-FORWARD'

/** Where dataplanes of ours accept all that they need there. */
const stayingForwards: readonly string[] = [ourForward, ipvsForward]

/** Targets of iptables that let nothing pass. */
const never = /^(DROP|REJECT|RETURN|LOG|NFLOG|MARK|CONNMARK|CT|NOTRACK|TCPMSS|SET|CLASSIFY|AUDIT|TRACE)$/

/**
 * Chains FORWARD of this network namespace that are closed but for what a proxy's chain accepts there, and no dataplane of
 * ours that stays accepts there as well: forwarded packets of Services may be dropped once that chain is gone. What can't be
 * told is left out. Only reads.
 *
 * @param accepting the chain that is to go: `KUBE-FORWARD`
 */
export async function closedForwards(accepting: string): Promise<readonly ClosedForward[]> {
  const found: ClosedForward[] = []
  for (const family of netfilterFamilies)
    for (const variant of ['nft', 'legacy'] as const) {
      const forward = await (variant === 'nft' ? forwardOfNft(family) : forwardOfLegacy(family))
      if (forward === undefined || !forward.targets.includes(accepting)) continue
      const { closingRule } = forward
      if (!forward.drops && closingRule === undefined) continue
      if (stayingForwards.some((one) => one !== accepting && forward.targets.includes(one))) continue
      found.push({
        chain: `chain FORWARD of iptables-${variant} (${family.family})`,
        program: `${family.iptables}-${variant}`,
        ...(closingRule === undefined ? {} : { closingRule }),
        othersAccept: forward.targets.some((target) => !proxies.test(target)),
      })
    }
  return found
}

async function forwardOfLegacy(family: NetfilterFamily): Promise<ForwardChain | undefined> {
  const answer = await askLegacyFilter(family, 'FORWARD')
  return answer?.is === 'done' ? parseLegacyForward(answer.output) : undefined
}

/** By nft, since iptables-nft may have no right to its lock, or make tables that there aren't. */
async function forwardOfNft({ name }: NetfilterFamily): Promise<ForwardChain | undefined> {
  const answer = await askTool('nft', ['-j', 'list', 'chain', name, 'filter', 'FORWARD'])
  return answer.is === 'done' ? parseNftForward(answer.output) : undefined
}

/** @param text what `iptables -S FORWARD` prints */
export function parseLegacyForward(text: string): ForwardChain {
  const rules = text.split('\n').filter((line) => line.startsWith('-A FORWARD'))
  const targets = rules.map((rule) => {
    const [, target = ''] = / -[jg] (\S+)/.exec(rule) ?? []
    return never.test(target) ? [] : [target].filter(Boolean)
  })
  const closes = (rule: string) =>
    /^-A FORWARD( -m comment --comment ("[^"]*"|\S+))? -j (DROP|REJECT)( --reject-with \S+)?$/.test(rule)
  return chainOf(/^-P FORWARD DROP$/m.test(text), targets, rules.findIndex(closes))
}

/**
 * @param targets that can accept, rule by rule
 * @param closing the index of the first rule that closes the chain; -1: none
 */
function chainOf(drops: boolean, targets: readonly (readonly string[])[], closing: number): ForwardChain {
  return closing < 0
    ? { drops, targets: targets.flat() }
    : { drops, targets: targets.slice(0, closing).flat(), closingRule: closing + 1 }
}

interface NftItem {
  readonly chain?: { readonly policy?: unknown }
  readonly rule?: { readonly expr?: readonly Readonly<Record<string, unknown>>[] }
}

/** @param text what `nft -j list chain` prints; `undefined` for anything else */
export function parseNftForward(text: string): ForwardChain | undefined {
  let items: unknown
  try {
    items = (JSON.parse(text) as { readonly nftables?: unknown } | null)?.nftables
  } catch {
    return undefined
  }
  if (!Array.isArray(items)) return undefined
  const all = items as readonly NftItem[]
  const rules = all.flatMap(({ rule }) => (rule === undefined ? [] : [rule.expr ?? []]))
  const drops = all.some(({ chain }) => chain?.policy === 'drop')
  return chainOf(
    drops,
    rules.map((rule) => rule.flatMap(targetOf)),
    rules.findIndex(closesAll),
  )
}

/** Whether a rule matches everything, and drops or rejects it; REJECT of iptables is an extension to some versions of nft. */
function closesAll(rule: readonly Readonly<Record<string, unknown>>[]): boolean {
  const isRefusal = (one: Readonly<Record<string, unknown>>) => {
    const { xt } = one as { readonly xt?: { readonly type?: unknown; readonly name?: unknown } }
    return 'drop' in one || 'reject' in one || (xt?.type === 'target' && xt.name === 'REJECT')
  }
  return rule.some(isRefusal) && rule.every((one) => 'counter' in one || isRefusal(one))
}

/** Targets of iptables that nft doesn't know are none of these: they are extensions, which let nothing pass. */
function targetOf(expression: Readonly<Record<string, unknown>>): readonly string[] {
  const { jump, goto } = expression as Readonly<
    Record<'jump' | 'goto', { readonly target?: string } | undefined>
  >
  const target = jump?.target ?? goto?.target
  if (target !== undefined) return [target]
  return 'accept' in expression || 'queue' in expression || 'vmap' in expression ? ['ACCEPT'] : []
}
