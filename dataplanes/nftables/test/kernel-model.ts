import { type Interference, interference } from '@portolan/conformance/convergence'
import { ApplyError, type Cidr, cidrContains, type IpFamily, splitCidr } from '@portolan/core'
import { findSet, type SetDeclaration } from '../layout/sets.ts'
import { namesIn, parseCommand, readText } from './nft-commands.ts'

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
    const { verb, name, body } = parseCommand(command)
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

function refused(operation: string, why: string): ApplyError {
  return new ApplyError(`the kernel refused "${operation}": ${why}`, { operation })
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
