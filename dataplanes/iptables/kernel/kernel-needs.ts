import { type IpFamily, ipFamilies, type Problem } from '@portolan/core'
import { type IptablesVariant, NetfilterInfo, XtablesInfo } from '@portolan/native/netfilter'
import { declareClientSet, declareSet, setKinds } from '../layout/sets.ts'

/** Something of the kernel that sets or rules of ours are made of. */
export interface KernelNeed {
  readonly what: string
  /** Which brings it. */
  readonly module: string
  /** `undefined`: there is no way to know. */
  isThere(kernel: Kernel, family: IpFamily): boolean | undefined
}

/** What answers questions about the kernel, changing nothing but which of its modules are loaded. */
interface Kernel {
  readonly netfilter: NetfilterInfo
  /** Of the legacy variant only. */
  readonly legacy?: XtablesInfo
}

/** Matches and targets with the revision that has all that we write, which newer kernels have besides newer ones. */
const extensions: readonly (readonly [
  kind: 'match' | 'target',
  name: string,
  revision: number,
  module: string,
])[] = [
  ['match', 'addrtype', 1, 'xt_addrtype'],
  ['match', 'bpf', 0, 'xt_bpf'],
  ['match', 'comment', 0, 'xt_comment'],
  ['match', 'conntrack', 1, 'xt_conntrack'],
  ['match', 'mark', 1, 'xt_mark'],
  ['match', 'sctp', 0, 'xt_sctp'],
  ['match', 'set', 1, 'xt_set'],
  ['match', 'statistic', 0, 'xt_statistic'],
  ['match', 'tcp', 0, 'xt_tcpudp'],
  ['match', 'udp', 0, 'xt_tcpudp'],
  ['target', 'DNAT', 1, 'xt_nat'],
  ['target', 'MARK', 2, 'xt_mark'],
  ['target', 'MASQUERADE', 0, 'xt_MASQUERADE'],
  ['target', 'REJECT', 0, 'ipt_REJECT and ip6t_REJECT'],
  ['target', 'SET', 2, 'xt_set'],
]

export function setTypeNeed(type: string): KernelNeed {
  return {
    what: `the ipset type ${type}`,
    module: `ip_set_${type.replace(':', '_').replaceAll(',', '')}`,
    isThere: ({ netfilter }, family) => netfilter.setTypeRevision(type, family) !== undefined,
  }
}

export function extensionNeed(...[kind, name, revision, module]: (typeof extensions)[number]): KernelNeed {
  return {
    what: `the iptables ${kind} ${name}`,
    module,
    isThere: ({ netfilter, legacy }, family) => {
      if (legacy === undefined) return netfilter.hasExtension(family, kind, name, revision) ?? false
      const ask = (of: NetfilterInfo | XtablesInfo) => of.hasExtension(family, kind, name, revision)
      // What nf_tables may use of iptables the legacy variant may use too, and it may be asked when ip_tables may not.
      return ask(legacy) ?? ask(netfilter)
    },
  }
}

const setTypes = new Set(
  [...setKinds.map((kind) => declareSet('IPv4', kind)), declareClientSet('IPv4', '')].map(
    ({ type }) => type.split(' ')[0] ?? '',
  ),
)

/** All that the program for any table may have. */
export const kernelNeeds: readonly KernelNeed[] = [
  ...[...setTypes].map(setTypeNeed),
  ...extensions.map((one) => extensionNeed(...one)),
]

/**
 * What the kernel lacks, by asking it: nothing is made, in whatever state its tables and sets are.
 *
 * @throws SystemCallError EPERM: needs CAP_NET_ADMIN
 */
export function missingNeeds(
  needs: readonly KernelNeed[],
  variant: IptablesVariant,
  networkNamespace: string | undefined,
): Problem[] {
  const netfilter = new NetfilterInfo(networkNamespace)
  const legacy = variant === 'legacy' ? new XtablesInfo(networkNamespace) : undefined
  const kernel = { netfilter, ...(legacy === undefined ? {} : { legacy }) }
  try {
    return needs.flatMap((need) => {
      const families = ipFamilies.filter((family) => need.isThere(kernel, family) === false)
      if (families.length === 0) return []
      const what = `the kernel lacks ${need.what} for ${families.join(' and ')}`
      return [{ what, fix: `modprobe ${need.module}, on a kernel that has it` }]
    })
  } finally {
    netfilter.close()
    legacy?.close()
  }
}
