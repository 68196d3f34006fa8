import type { Field } from '../layout/sets.ts'

/** A command of an nft script, in parts. */
export interface Command {
  /** `add chain` */
  readonly verb: string
  readonly name: string
  readonly body: string
}

/** Commands and rules come again and again in a hundred thousand sequences; elements don't. */
const knownCommands = new Map<string, Command>()
const knownRules = new Map<string, RuleNames>()

export function parseCommand(command: string): Command {
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

/** The sets and chains that a rule needs. */
export function namesIn(rule: string): RuleNames {
  const known = knownRules.get(rule)
  if (known !== undefined) return known
  const all = (pattern: RegExp) => [...rule.matchAll(pattern)].map(([, name = '']) => name)
  const names = { sets: all(/@([a-z][\w-]*)(?![\w,])/g), chains: all(/(?:goto|jump) ([\w-]+)/g) }
  knownRules.set(rule, names)
  return names
}

/** Text of nft's language as the layout's. */
export function readText(text: string, fields: readonly Field[]): string {
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
