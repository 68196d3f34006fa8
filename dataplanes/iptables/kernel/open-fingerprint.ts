import type { IpFamily } from '@portolan/core'
import { type IptablesVariant, NetfilterInfo, XtablesInfo } from '@portolan/native/netfilter'
import type { TableName } from '../layout/base-chains.ts'
import { setKinds, setName } from '../layout/sets.ts'
import type { KernelFingerprint } from './drift-detector.ts'

/** Up to this size a legacy table's content is looked at each time: a few hundred microseconds for 1,000 rules. */
const smallTableBytes = 256 * 1024

/**
 * What to look at, by variant: nftables counts its transactions; of legacy tables the kernel tells the number of rules
 * and where each hook's begin, and of small ones we read all. Of sets it tells the number of elements.
 */
export function openFingerprint(
  variant: IptablesVariant,
  networkNamespace: string | undefined,
): KernelFingerprint {
  const netfilter = new NetfilterInfo(networkNamespace)
  const legacy = variant === 'legacy' ? new XtablesInfo(networkNamespace) : undefined
  const look = (family: IpFamily, table: TableName) => {
    const shape = legacy?.shape(family, table)
    if (legacy === undefined || shape === undefined) return ''
    const { text, bytes } = shape
    return bytes > smallTableBytes ? text : legacy.digest(family, table, bytes)
  }
  return {
    generation: () => (legacy === undefined ? netfilter.generation() : undefined),
    shape: (family) => {
      const tables = [look(family, 'nat'), look(family, 'filter')]
      if (tables.includes(undefined)) return undefined
      return [...tables, ...setKinds.map((kind) => netfilter.elements(setName(family, kind)))].join(' ')
    },
    close: () => {
      netfilter.close()
      legacy?.close()
    },
  }
}
