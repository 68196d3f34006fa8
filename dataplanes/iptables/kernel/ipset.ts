import { setTimeout as sleep } from 'node:timers/promises'
import { ApplyError } from '@portolan/core'
import { type SystemCommand, SystemCommandError } from '@portolan/native/system-command'
import { refused } from './xtables.ts'

/** A set as the kernel has it. */
export interface HeldSet {
  /** Its type with all options, as `ipset save` tells. */
  type: string
  readonly elements: Set<string>
}

/** The ipset tool. */
export class Ipset {
  readonly #command: SystemCommand

  constructor(command: SystemCommand) {
    this.#command = command
  }

  /** Names of all sets in the network namespace, others' too. */
  async names(): Promise<string[]> {
    return (await this.#command.run('ipset', ['list', '-name'])).split('\n').filter((name) => name !== '')
  }

  /** Some sets, which have to be there; others' sets may be large, so not all are asked for. */
  async read(names: readonly string[]): Promise<Map<string, HeldSet>> {
    const sets = new Map(names.map((name) => [name, { type: '', elements: new Set<string>() }]))
    if (names.length === 0) return sets
    const asked = `${names.map((name) => `save ${name}`).join('\n')}\nquit\n`
    const saved = await this.#command.run('ipset', ['-'], asked)
    for (const line of saved.split('\n')) {
      const [, verb, name = '', rest = ''] = /^(?:ipset> )*(add|create) (\S+) (.+)/.exec(line) ?? []
      const set = sets.get(name)
      if (set === undefined) continue
      if (verb === 'create') set.type = rest
      else set.elements.add(rest.split(' ', 1)[0] ?? '')
    }
    return sets
  }

  /**
   * Runs commands one after the other; what is already so is no error. Not a transaction: those before a refused one
   * have been done. Gives the bytes that it took.
   *
   * @throws ApplyError naming the line that was refused
   */
  async restore(lines: readonly string[]): Promise<number> {
    if (lines.length === 0) return 0
    const text = `${lines.join('\n')}\n`
    try {
      await this.#command.run('ipset', ['-exist', 'restore'], text)
    } catch (error) {
      if (!(error instanceof SystemCommandError)) throw error
      throw refused('ipset restore', error, lines)
    }
    return text.length
  }

  /**
   * Destroys sets. The kernel lets go of a set a moment after the last rule that named it; gives those that something
   * still refers to after half a second.
   */
  async destroy(names: readonly string[]): Promise<readonly string[]> {
    let left = names
    for (let attempt = 0; left.length > 0 && attempt < 10; attempt++) {
      if (attempt > 0) await sleep(50)
      try {
        await this.restore(left.map((name) => `destroy ${name}`))
        return []
      } catch (error) {
        if (!(error instanceof ApplyError)) throw error
        const there = new Set(await this.names())
        // The first one that is there was refused; the rest were not tried, and may fare better.
        const [first, ...others] = left.filter((name) => there.has(name))
        left = first === undefined ? [] : [...others, first]
      }
    }
    return left
  }
}
