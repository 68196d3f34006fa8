import { SystemCommandError } from '@portolan/native/system-command'
import { type Interference, interference } from './interference.ts'
import type { Fault } from './sequence.ts'

interface Table {
  /** The kernel's own chains, with their rules. */
  readonly own: Map<string, string[]>
  readonly chains: Map<string, string[]>
}

const ownChains: Readonly<Record<string, readonly string[]>> = {
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  raw: ['PREROUTING', 'OUTPUT'],
}

interface IpSet {
  readonly type: string
  readonly elements: Map<string, string>
}

/**
 * iptables and ipset in memory, as far as dataplanes use them: iptables-save, iptables-restore --noflush in one transaction
 * a table, and ipset restore line by line, with the kernel's refusals. It keeps rules as the text that they were given as, so
 * it says nothing of how the real tools print them; `kernel-model.test.ts` of the dataplanes compares the rest.
 */
export class NetfilterModel {
  readonly networkNamespace = undefined
  /** Asked around each transaction of iptables and each line of ipset. */
  interfere: Interference = interference(undefined)
  /** By the name of the tool that shows them, such as `ip6tables-nft`, and their own. */
  readonly #tables = new Map<string, Table>()
  readonly #sets = new Map<string, IpSet>()

  /** Breaks those of the next calls that the fault says; `undefined`: none. */
  break(fault: Fault | undefined): void {
    this.interfere = interference(fault)
  }

  /** What `SystemCommand.run` does: runs one of the tools. */
  async run(program: string, args: readonly string[], input = ''): Promise<string> {
    const [, tool = '', action] = /^(ip6?tables(?:-legacy|-nft)?)(?:-(save|restore))?$/.exec(program) ?? []
    if (program === 'ipset') return this.#ipset(args, input)
    if (tool === '') throw failed(program, `there is no ${program}`, 'COMMAND_NOT_FOUND')
    // Where no variant is named it is nft's.
    const name = /-(legacy|nft)$/.test(tool) ? tool : `${tool}-nft`
    if (action === 'save') return this.#save(name, args[args.indexOf('-t') + 1])
    if (action === 'restore') return this.#restore(name, input)
    if (args[0] === '--version') return `iptables v1.8.9 (${name.endsWith('nft') ? 'nf_tables' : 'legacy'})\n`
    throw new Error(`the model of netfilter doesn't know ${program} ${args.join(' ')}`)
  }

  async capture(program: string, args: readonly string[], input = '') {
    return { stdout: await this.run(program, args, input), stderr: '' }
  }

  /** Elements with their options by set; one that isn't there is missing. */
  elements(set: string): ReadonlyMap<string, string> | undefined {
    return this.#sets.get(set)?.elements
  }

  /** A set that something else than the ipset tool has made: rules may name it. */
  createSet(name: string): void {
    this.#sets.set(name, { type: '', elements: new Map() })
  }

  /** One line of `ipset -exist restore`. */
  ipsetLine(line: string): void {
    this.interfere.before()
    const [verb = '', name = '', element = '', ...options] = line.split(' ')
    const set = this.#sets.get(name)
    if (verb === 'create') {
      const type = [element, ...options].join(' ')
      if (set !== undefined && set.type !== type) throw failed('ipset', `${name} exists with another type`)
      if (set === undefined) this.#sets.set(name, { type, elements: new Map() })
    } else if (set === undefined) throw failed('ipset', `The set with the given name does not exist: ${name}`)
    else if (verb === 'add') set.elements.set(element, options.join(' '))
    else if (verb === 'del') set.elements.delete(element)
    else if (verb === 'flush') set.elements.clear()
    else if (verb === 'destroy') {
      if (this.#isUsed(name)) throw failed('ipset', `Set cannot be destroyed: it is in use: ${name}`)
      this.#sets.delete(name)
    } else if (verb === 'swap') {
      const other = this.#sets.get(element)
      const familyOf = ({ type }: IpSet) => type.split(' hashsize ')[0]
      if (other === undefined) throw failed('ipset', `The set with the given name does not exist: ${element}`)
      if (familyOf(set) !== familyOf(other))
        throw failed('ipset', 'The sets cannot be swapped: type mismatch')
      this.#sets.set(name, other).set(element, set)
    } else throw new Error(`the model of ipset doesn't know ${line}`)
    this.interfere.after()
  }

  #ipset(args: readonly string[], input: string): string {
    const lines = input.split('\n').filter((line) => line !== '')
    switch (args.join(' ')) {
      case '-exist restore':
        for (const [index, line] of lines.entries()) {
          try {
            this.ipsetLine(line)
          } catch (error) {
            throw failed('ipset', `Error in line ${index + 1}: ${error}`)
          }
        }
        return ''
      case 'list -name':
        return [...this.#sets.keys()].join('\n')
      case '-':
        return lines
          .map((line) => (line === 'quit' ? '' : this.#saveSet(line.split(' ')[1] ?? '')))
          .join('\n')
      case 'save':
        return [...this.#sets.keys()].map((name) => this.#saveSet(name)).join('\n')
      default:
        throw new Error(`the model of ipset doesn't know ${args.join(' ')}`)
    }
  }

  #saveSet(name: string): string {
    const set = this.#sets.get(name)
    if (set === undefined) throw failed('ipset', `The set with the given name does not exist: ${name}`)
    const elements = [...set.elements].map(([element, options]) => `add ${name} ${element} ${options}`.trim())
    return [`create ${name} ${set.type}`, ...elements].join('\n')
  }

  #isUsed(set: string): boolean {
    for (const { own, chains } of this.#tables.values())
      for (const rules of [...own.values(), ...chains.values()])
        for (const rule of rules) if (setsIn(rule).includes(set)) return true
    return false
  }

  #save(tool: string, only: string | undefined): string {
    const lines: string[] = []
    for (const name of Object.keys(ownChains)) {
      const table = this.#tables.get(`${tool} ${name}`)
      if (table === undefined || (only !== undefined && only !== name && only !== '-t')) continue
      lines.push(`*${name}`)
      for (const chain of table.own.keys()) lines.push(`:${chain} ACCEPT [0:0]`)
      for (const chain of table.chains.keys()) lines.push(`:${chain} - [0:0]`)
      for (const [chain, rules] of [...table.own, ...table.chains])
        for (const rule of rules) lines.push(`-A ${chain} ${rule}`)
      lines.push('COMMIT')
    }
    return `${lines.join('\n')}\n`
  }

  #restore(tool: string, input: string): string {
    let name = ''
    let lines: string[] = []
    for (const line of input.split('\n')) {
      if (line.startsWith('*')) {
        name = line.slice(1)
        lines = []
      } else if (line === 'COMMIT') this.#commit(`${tool} ${name}`, name, lines)
      else if (line !== '' && !line.startsWith('#')) lines.push(line)
    }
    return ''
  }

  /** All lines or none. */
  #commit(key: string, name: string, lines: readonly string[]): void {
    this.interfere.before()
    const before = this.#tables.get(key) ?? {
      own: new Map((ownChains[name] ?? []).map((chain) => [chain, []])),
      chains: new Map(),
    }
    const table: Table = { own: new Map(before.own), chains: new Map(before.chains) }
    for (const line of lines) this.#line(table, line)
    this.#tables.set(key, table)
    this.interfere.after()
  }

  /** Lists of rules are replaced, never changed: a table that is thrown away leaves those of before. */
  #line(table: Table, line: string): void {
    if (line.startsWith(':')) {
      table.chains.set(line.slice(1, line.indexOf(' ')), [])
      return
    }
    const [verb = '', chain = '', ...words] = line.split(' ')
    const list = table.own.has(chain) ? table.own : table.chains
    const rules = list.get(chain)
    if (rules === undefined) throw failed('iptables-restore', `there is no chain ${chain}: ${line}`)
    const rule = words.join(' ')
    switch (verb) {
      case '-A':
        this.#check(table, rule)
        list.set(chain, [...rules, rule])
        return
      case '-I':
        this.#check(table, rule.replace(/^1 /, ''))
        list.set(chain, [rule.replace(/^1 /, ''), ...rules])
        return
      case '-D': {
        const at = rules.indexOf(rule)
        if (at < 0) throw failed('iptables-restore', `Bad rule (does it exist?): ${line}`)
        list.set(chain, rules.toSpliced(at, 1))
        return
      }
      case '-F':
        list.set(chain, [])
        return
      case '-X': {
        const all = [...table.own.values(), ...table.chains.values()]
        if (rules.length > 0) throw failed('iptables-restore', `Directory not empty: ${line}`)
        if (all.some((others) => others.some((one) => targetOf(one) === chain)))
          throw failed('iptables-restore', `Too many links: ${line}`)
        table.chains.delete(chain)
        return
      }
      default:
        throw new Error(`the model of iptables doesn't know ${line}`)
    }
  }

  #check(table: Table, rule: string): void {
    const target = targetOf(rule)
    if (target !== undefined && !/^[A-Z]+$/.test(target) && !table.chains.has(target))
      throw failed('iptables-restore', `Chain '${target}' does not exist: ${rule}`)
    for (const set of setsIn(rule))
      if (!this.#sets.has(set)) throw failed('iptables-restore', `Set ${set} doesn't exist: ${rule}`)
  }
}

/** Rules come again and again in a hundred thousand sequences. */
const knownTargets = new Map<string, string | undefined>()
const knownSets = new Map<string, readonly string[]>()

function targetOf(rule: string): string | undefined {
  if (!knownTargets.has(rule)) knownTargets.set(rule, /(?:^| )-[jg] (\S+)/.exec(rule)?.[1])
  return knownTargets.get(rule)
}

function setsIn(rule: string): readonly string[] {
  const known = knownSets.get(rule)
  if (known !== undefined) return known
  const sets = [...rule.matchAll(/--(?:match|add|del|map)-set (\S+)/g)].map(([, set = '']) => set)
  knownSets.set(rule, sets)
  return sets
}

function failed(
  program: string,
  output: string,
  code: SystemCommandError['code'] = 'COMMAND_FAILED',
): SystemCommandError {
  return new SystemCommandError(code, program, `${program}: ${output}`, output)
}
