import { ApplyError, type IpFamily } from '@portolan/core'
import { type SystemCommand, SystemCommandError } from '@portolan/native/system-command'
import { type ChainEdits, restoreLines } from '../compile/chain-edits.ts'
import type { TableName } from '../layout/base-chains.ts'
import type { HeldTable } from '../layout/held.ts'
import { readRules } from './read-rules.ts'
import { findTools, type Tools, type Variant } from './variant.ts'

/** iptables of one variant: its save and restore. */
export class Xtables {
  readonly variant: Variant
  readonly #command: SystemCommand
  readonly #tools = new Map<IpFamily, Promise<Tools>>()
  /** The restore that was asked for last, if it has to be waited for. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(command: SystemCommand, variant: Variant) {
    this.#command = command
    this.variant = variant
  }

  async read(family: IpFamily, table: TableName): Promise<HeldTable> {
    const { save } = await this.#toolsOf(family)
    return readRules(await this.#command.run(save, ['-t', table]))
  }

  /**
   * Applies edits of one table in one transaction; gives the bytes that took.
   *
   * @throws ApplyError naming the line that was refused
   */
  async restore(family: IpFamily, table: TableName, edits: ChainEdits): Promise<number> {
    const lines = restoreLines(table, edits)
    if (lines.length === 0) return 0
    const { restore } = await this.#toolsOf(family)
    const text = `${lines.join('\n')}\n`
    await this.#inTurn(() => this.#restore(restore, table, text, lines))
    return text.length
  }

  /** Legacy tables have one lock for all, and who waits for it too long is refused: our families wait here instead. */
  #inTurn(restore: () => Promise<void>): Promise<void> {
    if (this.variant === 'nft') return restore()
    const restored = this.#last.then(restore)
    this.#last = restored.catch(() => {})
    return restored
  }

  async #restore(restore: string, table: TableName, text: string, lines: readonly string[]): Promise<void> {
    try {
      // Others hold the lock for as long as their own changes take: wait up to 5 s for it.
      await this.#command.run(restore, ['--noflush', '-w', '5'], text)
    } catch (error) {
      if (!(error instanceof SystemCommandError)) throw error
      throw refused(`${restore}, table ${table}`, error, lines)
    }
  }

  #toolsOf(family: IpFamily): Promise<Tools> {
    let tools = this.#tools.get(family)
    if (tools === undefined) {
      tools = findTools(this.#command, this.variant, family).then((found) => {
        if (found !== undefined) return found
        const name = `${family === 'IPv4' ? 'iptables' : 'ip6tables'}-${this.variant}`
        throw new SystemCommandError('COMMAND_NOT_FOUND', name, `${name} is not installed`)
      })
      this.#tools.set(family, tools)
      tools.catch(() => this.#tools.delete(family))
    }
    return tools
  }
}

/** An error of a tool that reads lines, with the line that it complains of. */
export function refused(tool: string, error: SystemCommandError, lines: readonly string[]): ApplyError {
  const operation = refusedLine(error.output, lines)
  const at = operation === undefined ? '' : `, at: ${operation}`
  return new ApplyError(`${tool}: ${error.message}${at}`, {
    cause: error,
    ...(operation === undefined ? {} : { operation }),
  })
}

function refusedLine(output: string, lines: readonly string[]): string | undefined {
  const number = /line:? (\d+)/.exec(output)?.[1]
  if (number === undefined) return undefined
  // The nft variant looks for the chains that rules lead to at the end, and complains of the end.
  const chain = /Chain '(\S+)' does not exist/.exec(output)?.[1]
  const leading = chain === undefined ? undefined : lines.find((line) => line.endsWith(` ${chain}`))
  return leading ?? lines[Number(number) - 1]
}
