import { type Interference, interference } from '@portolan/conformance/convergence'
import { ApplyError, type Cidr, cidrContains, type IpFamily, splitCidr } from '@portolan/core'
import { print } from '../compile/print.ts'
import type { NftProgram } from '../compile/program.ts'
import type { Sent, Transport } from '../kernel/transport.ts'
import type { ElementChanges } from '../layout/elements.ts'
import { dataText } from '../layout/elements.ts'
import { type HeldElements, noTable, type Structure } from '../layout/held.ts'
import { type Field, findSet, type SetDeclaration } from '../layout/sets.ts'
import type { Settings } from '../layout/settings.ts'

interface ModelSet {
  readonly declaration: string
  readonly set: SetDeclaration
  readonly elements: Map<string, string>
}

interface ModelTable {
  readonly sets: Map<string, ModelSet>
  /** Rules by chain. */
  readonly chains: Map<string, string[]>
}

/**
 * What nf_tables does with the programs of this dataplane, in memory: transactions that are done whole or not at all,
 * and its refusals. It knows nothing of what programs are for. The test `kernel-model.test.ts` compares it with the real
 * kernel.
 */
export class KernelModel {
  readonly tables = new Map<IpFamily, ModelTable>()
  generation = 0
  /** Asked around each transaction. */
  interfere: Interference = interference(undefined)
  /** Takes back what the present transaction has done so far, the last first. */
  #undo: (() => void)[] = []

  transaction(work: () => void): void {
    this.interfere.before()
    this.#undo = []
    try {
      work()
    } catch (error) {
      for (const undo of this.#undo.toReversed()) undo()
      throw error
    }
    this.generation++
    this.interfere.after()
  }

  /** One command of an nft script. */
  run(command: string, family: IpFamily): void {
    const { verb, name, body } = parsed(command)
    switch (verb) {
      case 'add table':
        if (!this.tables.has(family)) this.#set(this.tables, family, { sets: new Map(), chains: new Map() })
        return
      case 'delete table':
        if (!this.tables.has(family)) throw refused(command, 'ENOENT')
        this.#delete(this.tables, family)
        return
      case 'add set':
      case 'add map':
        this.#addSet(family, name, body, command)
        return
      case 'add chain':
        if (!this.#table(family, command).chains.has(name))
          this.#set(this.#table(family, command).chains, name, [])
        return
      case 'add rule':
        this.#addRule(family, name, body, command)
        return
      case 'add element':
      case 'delete element': {
        const set = findSet(name)
        if (set === undefined) throw refused(command, 'ENOENT')
        for (const text of body.replace(/^\{\s*|\s*\}$/g, '').split(/,\s*/)) {
          const [key = '', value] = text.trim().split(' : ')
          const keyText = readText(key, set.key)
          if (verb === 'delete element') this.deleteElement(family, set, keyText)
          else this.addElement(family, set, keyText, readText(value ?? '', set.value ?? []), false)
        }
        return
      }
      default:
        throw new Error(`the model of the kernel doesn't know the command ${command}`)
    }
  }

  /** @param exclusive one that is there already is refused, also with the same value */
  addElement(family: IpFamily, set: SetDeclaration, key: string, value: string, exclusive: boolean): void {
    const { elements } = this.#setOf(family, set.name)
    const there = elements.get(key)
    if (there === value && !exclusive) return
    if (there !== undefined) throw refused(`add element ${set.name} { ${key} : ${value} }`, 'EEXIST')
    if (set.value?.[0] === 'chain' && this.tables.get(family)?.chains.has(value) !== true)
      throw refused(`add element ${set.name} { ${key} : goto ${value} }`, 'ENOENT')
    if (set.kind === 'interval')
      for (const other of elements.keys())
        if (overlap(key, other))
          throw refused(`add element ${set.name} { ${key} }, beside ${other}`, 'EEXIST')
    this.#set(elements, key, value)
  }

  deleteElement(family: IpFamily, set: SetDeclaration, key: string): void {
    const { elements } = this.#setOf(family, set.name)
    if (!elements.has(key)) throw refused(`delete element ${set.name} { ${key} }`, 'ENOENT')
    this.#delete(elements, key)
  }

  #addSet(family: IpFamily, name: string, declaration: string, command: string): void {
    const { sets } = this.#table(family, command)
    const there = sets.get(name)
    if (there !== undefined && there.declaration !== declaration) throw refused(command, 'EEXIST')
    const set = findSet(name)
    if (set === undefined) throw new Error(`the layout has no set ${name}`)
    if (there === undefined) this.#set(sets, name, { declaration, set, elements: new Map() })
  }

  #addRule(family: IpFamily, name: string, rule: string, command: string): void {
    const { chains, sets } = this.#table(family, command)
    const rules = chains.get(name)
    if (rules === undefined) throw refused(command, 'ENOENT')
    const names = namesIn(rule)
    for (const set of names.sets) if (!sets.has(set)) throw refused(command, 'ENOENT')
    for (const chain of names.chains) if (!chains.has(chain)) throw refused(command, 'ENOENT')
    rules.push(rule)
    this.#undo.push(() => rules.pop())
  }

  #table(family: IpFamily, command: string): ModelTable {
    const table = this.tables.get(family)
    if (table === undefined) throw refused(command, 'ENOENT')
    return table
  }

  #setOf(family: IpFamily, name: string): ModelSet {
    const set = this.tables.get(family)?.sets.get(name)
    if (set === undefined) throw refused(`element of ${name}`, 'ENOENT')
    return set
  }

  #set<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void {
    const before = map.get(key)
    map.set(key, value)
    this.#undo.push(() => (before === undefined ? map.delete(key) : map.set(key, before)))
  }

  #delete<Key, Value>(map: Map<Key, Value>, key: Key): void {
    const before = map.get(key)
    map.delete(key)
    if (before !== undefined) this.#undo.push(() => map.set(key, before))
  }
}

interface Command {
  /** `add chain` */
  readonly verb: string
  readonly name: string
  readonly body: string
}

/** Commands and rules come again and again in a hundred thousand sequences; elements don't. */
const knownCommands = new Map<string, Command>()
const knownRules = new Map<string, RuleNames>()

function parsed(command: string): Command {
  const known = knownCommands.get(command)
  if (known !== undefined) return known
  const [verb = '', kind = '', , , name = '', ...words] = command.split(' ')
  const result = { verb: `${verb} ${kind}`, name, body: words.join(' ') }
  if (kind !== 'element') knownCommands.set(command, result)
  return result
}

interface RuleNames {
  /** Sets that the rule names. */
  readonly sets: readonly string[]
  /** Chains that it leads to. */
  readonly chains: readonly string[]
}

export function namesIn(rule: string): RuleNames {
  const known = knownRules.get(rule)
  if (known !== undefined) return known
  const all = (pattern: RegExp) => [...rule.matchAll(pattern)].map(([, name = '']) => name)
  const names = { sets: all(/@([a-z][\w-]*)(?![\w,])/g), chains: all(/(?:goto|jump) ([\w-]+)/g) }
  knownRules.set(rule, names)
  return names
}

/** Hands programs to a model of the kernel as the transports hand them to the real one. */
export class ModelTransport implements Transport {
  readonly name: Settings['transport']
  readonly #kernel: KernelModel

  constructor(kernel: KernelModel, name: Settings['transport']) {
    this.#kernel = kernel
    this.name = name
  }

  async apply(program: NftProgram): Promise<Sent> {
    const { family, declarations, elements, replace } = program
    if (this.name === 'nft' || replace) {
      this.#script(print(program), family)
      return { bytes: 0, transactions: 1 }
    }
    let transactions = 0
    if (declarations.length > 0) {
      this.#script(['add table ip portolan', ...declarations].join('\n'), family)
      transactions++
    }
    if (elements.count > 0) {
      this.#kernel.transaction(() => this.#batch(family, elements))
      transactions++
    }
    return { bytes: 0, transactions }
  }

  async readStructure(family: IpFamily): Promise<Structure> {
    const table = this.#kernel.tables.get(family)
    if (table === undefined) return noTable
    const { chains, sets } = table
    return {
      exists: true,
      flaw: undefined,
      chains: new Map([...chains].map(([name, rules]) => [name, rules.length])),
      sets: new Set(sets.keys()),
    }
  }

  async readElements(family: IpFamily, sets: readonly SetDeclaration[]): Promise<Map<string, HeldElements>> {
    const table = this.#kernel.tables.get(family)
    return new Map(sets.map(({ name }) => [name, new Map(table?.sets.get(name)?.elements)]))
  }

  readGeneration(): number | undefined {
    return this.name === 'nft' ? undefined : this.#kernel.generation
  }

  close(): void {}

  #script(text: string, family: IpFamily): void {
    this.#kernel.transaction(() => {
      // Elements are listed over several lines.
      for (const command of text.trim().split(/\n(?![\t}])/)) this.#kernel.run(command, family)
    })
  }

  #batch(family: IpFamily, elements: ElementChanges): void {
    for (const { set, removals } of elements)
      for (const { key } of removals) this.#kernel.deleteElement(family, set, dataText(key))
    for (const { set, additions } of elements)
      for (const { key, value } of additions)
        this.#kernel.addElement(family, set, dataText(key), dataText(value ?? []), true)
  }
}

function refused(operation: string, why: string): ApplyError {
  return new ApplyError(`the kernel refused "${operation}": ${why}`, { operation })
}

/** Text of nft's language as the layout's. */
function readText(text: string, fields: readonly Field[]): string {
  if (fields.length === 0) return ''
  return text
    .trim()
    .split(' . ')
    .map((part, index) => {
      const field = fields[index]
      if (field === 'protocol') return part.toUpperCase()
      if (field === 'chain') return part.replace(/^goto /, '')
      if (field !== 'number') return part
      const [major = '0', minor = '0'] = part.split(':')
      return String(Number.parseInt(major, 16) * 0x10000 + Number.parseInt(minor, 16))
    })
    .join('|')
}

/** Keys whose last field is a range. */
function overlap(one: string, other: string): boolean {
  const [cut, otherCut] = [one.lastIndexOf('|'), other.lastIndexOf('|')]
  if (one.slice(0, cut + 1) !== other.slice(0, otherCut + 1)) return false
  const [range, otherRange] = [one.slice(cut + 1) as Cidr, other.slice(otherCut + 1) as Cidr]
  return (
    cidrContains(range, splitCidr(otherRange).address) || cidrContains(otherRange, splitCidr(range).address)
  )
}
