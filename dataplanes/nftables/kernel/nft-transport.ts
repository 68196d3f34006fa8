import { type IpFamily, parseCidr } from '@portolan/core'
import { print } from '../compile/print.ts'
import type { NftProgram } from '../compile/program.ts'
import { type Datum, dataText } from '../layout/elements.ts'
import { flaggedTable, noTable, type ObservedElements, type Structure } from '../layout/observed-state.ts'
import { type Field, findSet, type SetDeclaration } from '../layout/sets.ts'
import { nftFamily, tableName } from '../layout/table.ts'
import { ForeignElementError } from './foreign-element-error.ts'
import { type NftCommand, NftListingError } from './nft-command.ts'
import { member } from './nft-json.ts'
import { runScript } from './nft-script.ts'
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
    try {
      return structureOf(await this.#nft.listTersely(nftFamily(family), tableName))
    } catch (error) {
      if (!(error instanceof NftListingError)) throw error
      return { ...noTable, exists: true, flaw: error.message }
    }
  }

  async readElements(
    family: IpFamily,
    sets: readonly SetDeclaration[],
  ): Promise<Map<string, ObservedElements>> {
    const wanted = new Set(sets.map(({ name }) => name))
    const result = new Map<string, ObservedElements>(sets.map(({ name }) => [name, new Map()]))
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

function structureOf(listed: readonly unknown[]): Structure {
  const chains = new Map<string, number>()
  const sets = new Set<string>()
  let [exists, hasFlags] = [false, false]
  for (const object of listed) {
    const table = member(object, 'table')
    if (table?.name === tableName) {
      exists = true
      // Which they are can't be told: nft 1.0.6 prints whatever it finds in memory.
      hasFlags = table.flags !== undefined
    }
    const [chain, rule] = [member(object, 'chain'), member(object, 'rule')]
    const set = member(object, 'set') ?? member(object, 'map')
    if ((chain ?? rule ?? set)?.table !== tableName) continue
    if (chain !== undefined) chains.set(String(chain.name), chains.get(String(chain.name)) ?? 0)
    if (rule !== undefined) chains.set(String(rule.chain), (chains.get(String(rule.chain)) ?? 0) + 1)
    if (set !== undefined) sets.add(String(set.name))
  }
  return { exists, flaw: hasFlags ? flaggedTable : undefined, chains, sets }
}

/** The element as texts of key and value. */
function readElement(item: unknown, set: SetDeclaration): [string, string] {
  if (set.value === undefined || !Array.isArray(item)) return [dataText(readFields(item, set.key, set)), '']
  return [dataText(readFields(item[0], set.key, set)), dataText(readFields(item[1], set.value, set))]
}

/** `{ "concat": [...] }`, or one field alone. Maps of `typeof` keys write their value as a plain array. */
function readFields(item: unknown, kinds: readonly Field[], set: SetDeclaration): Datum[] {
  const concat: unknown = typeof item === 'object' && item !== null && 'concat' in item ? item.concat : item
  const parts = Array.isArray(concat) ? concat : [concat]
  return kinds.map((kind, index) => readField(parts[index], kind, set))
}

/** @throws ForeignElementError for what isn't one value, or for the mark of an element for every key */
function readField(part: unknown, kind: Field, set: SetDeclaration): Datum {
  if (part === undefined || part === '*')
    throw new ForeignElementError(set.name, JSON.stringify(part) ?? 'less')
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
