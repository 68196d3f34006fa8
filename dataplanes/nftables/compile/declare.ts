import type { IpFamily } from '@portolan/core'
import type { ChainDeclaration, Setting } from '../layout/chain.ts'
import { elementText } from '../layout/element-text.ts'
import { expressions, protocolName } from '../layout/expressions.ts'
import type { Field, SetDeclaration } from '../layout/sets.ts'
import { nftFamily, tableName } from '../layout/table.ts'

/** Entries of the affinity map; at 2 MiB of buckets a family. When it is full, new clients just don't stick. */
const affinityEntries = 131072

/** `add map ip portolan vips { ... }` */
function declareSet(setting: Setting, set: SetDeclaration): string {
  const ip = nftFamily(setting.family)
  const what = set.value === undefined ? 'set' : 'map'
  const flags = {
    interval: ' flags interval ;',
    timeout: ` size ${affinityEntries} ; flags dynamic,timeout ;`,
    static: '',
  }
  const kind = set.kind === undefined ? '' : flags[set.kind]
  return `add ${what} ${ip} ${tableName} ${set.name} { ${setType(setting.family, set)} ;${kind} comment "${set.comment}" ; }`
}

function setType(family: IpFamily, set: SetDeclaration): string {
  if (set.kind === 'timeout') return `typeof meta priority . ${expressions(family).client} : meta priority`
  if (set.example === undefined) {
    const type = (field: Field) => typeNames(family)[field]
    const value = set.value === undefined ? '' : ` : ${set.value.map(type).join(' . ')}`
    return `type ${set.key.map(type).join(' . ')}${value}`
  }
  const port = `${protocolName(set.example)} dport`
  const ip = nftFamily(family)
  const example = (field: Field) => {
    if (field === 'address') return `${ip} daddr`
    if (field === 'port') return port
    return field === 'slot' ? 'numgen random mod 2' : 'meta priority'
  }
  return `typeof ${set.key.map(example).join(' . ')} : ${(set.value ?? []).map(example).join(' . ')}`
}

function typeNames(family: IpFamily): Record<Field, string> {
  const address = family === 'IPv4' ? 'ipv4_addr' : 'ipv6_addr'
  return {
    address,
    range: address,
    protocol: 'inet_proto',
    port: 'inet_service',
    slot: 'integer',
    number: 'classid',
    chain: 'verdict',
  }
}

/**
 * The nft commands that make sets and chains: sets first, because rules name them, then chains and their rules, which may
 * name each other, and last the elements by which packets come to the chains. All in one transaction, so that the kernel
 * never has a chain that its map doesn't lead to.
 */
export function declare(
  setting: Setting,
  {
    sets,
    chains,
  }: { readonly sets: readonly SetDeclaration[]; readonly chains: readonly ChainDeclaration[] },
): string[] {
  const at = `${nftFamily(setting.family)} ${tableName}`
  return [
    ...sets.map((set) => declareSet(setting, set)),
    ...chains.map(({ name, hook, comment }) => {
      const body = [hook, comment === undefined ? undefined : `comment "${comment}" ;`].filter(
        (part) => part !== undefined,
      )
      return body.length === 0 ? `add chain ${at} ${name}` : `add chain ${at} ${name} { ${body.join(' ')} }`
    }),
    ...chains.flatMap(({ name, rules }) => rules.map((rule) => `add rule ${at} ${name} ${rule}`)),
    ...chains.flatMap(({ name, entry }) => {
      if (entry === undefined) return []
      const element = elementText(entry.map, { key: entry.key, value: [name] })
      return [`add element ${at} ${entry.map.name} { ${element} }`]
    }),
  ]
}
