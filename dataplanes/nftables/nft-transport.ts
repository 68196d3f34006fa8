import { type IpFamily, parseCidr } from '@portolan/core'
import { type Datum, dataText } from './elements.ts'
import type { HeldElements, Structure } from './held.ts'
import { type Field, findSet, nftFamily, type SetDeclaration, tableName } from './layout.ts'
import type { NftCommand } from './nft-command.ts'
import { member } from './nft-json.ts'
import { runScript } from './nft-script.ts'
import { print } from './print.ts'
import type { NftProgram } from './program.ts'
import type { Sent, Transport } from './transport.ts'

/** Everything through the nft program: for machines where the native library can't be loaded. */
export class NftTransport implements Transport {
  readonly name = 'nft'
  readonly #nft: NftCommand

  constructor(nft: NftCommand) {
    this.#nft = nft
  }

  apply(program: NftProgram): Promise<Sent> {
    return runScript(this.#nft, print(program))
  }

  async readStructure(family: IpFamily): Promise<Structure> {
    const chains = new Map<string, number>()
    const sets = new Set<string>()
    // Listing this table alone would be to the point, but nft 1.0.6 then reads all elements in spite of -t.
    for (const object of (await this.#nft.list(['-t', 'list', 'ruleset', nftFamily(family)])) ?? []) {
      const [chain, rule] = [member(object, 'chain'), member(object, 'rule')]
      const set = member(object, 'set') ?? member(object, 'map')
      if ((chain ?? rule ?? set)?.table !== tableName) continue
      if (chain !== undefined) chains.set(String(chain.name), chains.get(String(chain.name)) ?? 0)
      if (rule !== undefined) chains.set(String(rule.chain), (chains.get(String(rule.chain)) ?? 0) + 1)
      if (set !== undefined) sets.add(String(set.name))
    }
    return { chains, sets }
  }

  async readElements(family: IpFamily, sets: readonly SetDeclaration[]): Promise<Map<string, HeldElements>> {
    const wanted = new Set(sets.map(({ name }) => name))
    const result = new Map<string, HeldElements>(sets.map(({ name }) => [name, new Map()]))
    for (const object of (await this.#nft.list(['list', 'table', nftFamily(family), tableName])) ?? []) {
      const listed = member(object, 'map') ?? member(object, 'set')
      const set = listed === undefined ? undefined : findSet(String(listed.name))
      if (set === undefined || !wanted.has(set.name) || !Array.isArray(listed?.elem)) continue
      const elements = result.get(set.name)
      for (const item of listed.elem) elements?.set(...readElement(item, set))
    }
    return result
  }

  readGeneration(): undefined {
    return undefined
  }

  close(): void {}
}

/** The element as texts of key and value. */
function readElement(item: unknown, set: SetDeclaration): [string, string] {
  if (set.value === undefined || !Array.isArray(item)) return [dataText(readFields(item, set.key)), '']
  return [dataText(readFields(item[0], set.key)), dataText(readFields(item[1], set.value))]
}

/** `{ "concat": [...] }`, or one field alone. Maps of `typeof` keys write their value as a plain array. */
function readFields(item: unknown, kinds: readonly Field[]): Datum[] {
  const concat: unknown = typeof item === 'object' && item !== null && 'concat' in item ? item.concat : item
  const parts = Array.isArray(concat) ? concat : [concat]
  return kinds.map((kind, index) => readField(parts[index], kind))
}

function readField(part: unknown, kind: Field): Datum {
  switch (kind) {
    case 'number':
      return readNumber(String(part))
    case 'port':
    case 'slot':
      return Number(part)
    case 'protocol':
      return String(part).toUpperCase()
    case 'chain':
      return String(member(member({ verdict: part }, 'verdict'), 'goto')?.target)
    case 'range':
      return readRange(part)
    default:
      return String(part)
  }
}

/** `1:2a`; nft writes `root` for ffff:ffff and `none` for 0. */
function readNumber(text: string): number {
  if (text === 'none') return 0
  if (text === 'root') return 0xffffffff
  const [major, minor] = text.split(':')
  return Number.parseInt(major || '0', 16) * 0x10000 + Number.parseInt(minor || '0', 16)
}

function readRange(part: unknown): string {
  const prefix = member(part, 'prefix')
  if (prefix !== undefined) return `${prefix.addr}/${prefix.len}`
  const range = typeof part === 'object' && part !== null && 'range' in part ? part.range : undefined
  if (Array.isArray(range)) return range.join('-')
  const single = String(part)
  return parseCidr(`${single}/${single.includes(':') ? 128 : 32}`) ?? single
}
