import { setTimeout as sleep } from 'node:timers/promises'
import { type SystemCommand, SystemCommandError } from '../system-command.ts'
import { namingRefusedLine } from './refused-line.ts'

/** A set as the kernel has it. */
export interface SavedSet {
  /** Its type with all options, as `ipset save` prints it. */
  readonly type: string
  /** What `ipset add` takes, with the options that the element has: `` for none. */
  readonly elements: ReadonlyMap<string, string>
}

/** The ipset tool: for those whose changes start tools anyway. Whose don't, write netlink (ipset-messages.ts). */
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
  async read(names: readonly string[]): Promise<Map<string, SavedSet>> {
    const sets = new Map(names.map((name) => [name, { type: '', elements: new Map<string, string>() }]))
    if (names.length === 0) return sets
    const asked = `${names.map((name) => `save ${name}`).join('\n')}\nquit\n`
    const saved = await this.#command.run('ipset', ['-'], asked)
    for (const line of saved.split('\n')) {
      const [, verb, name = '', rest = ''] = /^(?:ipset> )*(add|create) (\S+) (.+)/.exec(line) ?? []
      const set = sets.get(name)
      if (set === undefined) continue
      if (verb === 'create') set.type = rest
      else {
        const end = rest.indexOf(' ')
        set.elements.set(end < 0 ? rest : rest.slice(0, end), end < 0 ? '' : rest.slice(end + 1))
      }
    }
    return sets
  }

  /**
   * Runs commands one after the other; what is already so is no error. Not a transaction: those before a refused one
   * have been done.
   *
   * @returns bytes
   * @throws RefusedLineError
   */
  async restore(lines: readonly string[]): Promise<number> {
    if (lines.length === 0) return 0
    const text = `${lines.join('\n')}\n`
    await namingRefusedLine('ipset restore', lines, () =>
      this.#command.run('ipset', ['-exist', 'restore'], text),
    )
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
        if (!(error instanceof SystemCommandError)) throw error
        const there = new Set(await this.names())
        // The first one that is there was refused; the rest were not tried, and may fare better.
        const [first, ...others] = left.filter((name) => there.has(name))
        left = first === undefined ? [] : [...others, first]
      }
    }
    return left
  }
}
