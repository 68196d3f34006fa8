import { type SystemCommand, SystemCommandError } from '../system-command.ts'
import type { IpFamily } from './family.ts'
import {
  findIptables,
  type IptablesPrograms,
  type IptablesVariant,
  iptablesProgram,
  legacyTables,
} from './iptables-variant.ts'
import { namingRefusedLine } from './refused-line.ts'
import { noRules, readSavedRules, removalLines, type SavedRules } from './saved-rules.ts'

/** Seconds: others hold the lock of legacy tables for as long as their own changes take. */
const lockSeconds = '5'

/** iptables and ip6tables of one variant, by their save and restore. */
export class Xtables {
  readonly variant: IptablesVariant
  readonly #command: SystemCommand
  readonly #isOurChain: (name: string) => boolean
  readonly #programs = new Map<IpFamily, Promise<IptablesPrograms | undefined>>()
  /** The restore that was asked for last, if it has to be waited for. */
  #last: Promise<unknown> = Promise.resolve()

  /** @param isOurChain by its name; what others have is never read back */
  constructor(command: SystemCommand, variant: IptablesVariant, isOurChain: (name: string) => boolean) {
    this.#command = command
    this.variant = variant
    this.#isOurChain = isOurChain
  }

  /**
   * What is ours in one table. A legacy table that doesn't exist comes to be by this.
   *
   * @throws SystemCommandError
   */
  async read(family: IpFamily, table: string): Promise<SavedRules> {
    const { save } = await this.programs(family)
    const saved = await this.#command.run(save, ['-t', table])
    return readSavedRules(saved, this.#isOurChain).get(table) ?? noRules
  }

  /**
   * What is ours, of all tables in use; makes none.
   *
   * @throws SystemCommandError
   */
  async readAll(family: IpFamily): Promise<Map<string, SavedRules>> {
    const { save } = await this.programs(family)
    const saved = readSavedRules(await this.#command.run(save, []), this.#isOurChain)
    return new Map([...saved].filter(([, { chains, jumps }]) => chains.size + jumps.length > 0))
  }

  /**
   * The same of a variant that may not be there: nothing where it isn't installed or the kernel hasn't it.
   *
   * @throws SystemCommandError
   */
  async readIfThere(family: IpFamily): Promise<Map<string, SavedRules>> {
    if (this.variant === 'legacy' && legacyTables(this.#command, family).length === 0) return new Map()
    if ((await this.#find(family)) === undefined) return new Map()
    try {
      return await this.readAll(family)
    } catch (error) {
      if (error instanceof SystemCommandError && /initialize/.test(error.output)) return new Map()
      throw error
    }
  }

  /**
   * Gives lines to iptables-restore, which leaves what they don't name, each table in one transaction.
   *
   * @param lines from `*TABLE` to `COMMIT`, in any number of tables
   * @returns bytes
   * @throws RefusedLineError
   */
  async restore(family: IpFamily, lines: readonly string[]): Promise<number> {
    if (lines.length === 0) return 0
    const { restore } = await this.programs(family)
    const text = `${lines.join('\n')}\n`
    const doing = `${restore}, table ${(lines[0] ?? '').slice(1)}`
    await this.#inTurn(() =>
      namingRefusedLine(doing, lines, () =>
        this.#command.run(restore, ['--noflush', '-w', lockSeconds], text),
      ),
    )
    return text.length
  }

  /**
   * Takes out everything of ours, where the variant is there.
   *
   * @param isWanted the tables; default: all
   * @returns what was taken, by table
   * @throws SystemCommandError
   */
  async remove(
    family: IpFamily,
    isWanted: (table: string) => boolean = () => true,
  ): Promise<ReadonlyMap<string, SavedRules>> {
    const found = new Map([...(await this.readIfThere(family))].filter(([table]) => isWanted(table)))
    for (const [table, rules] of found) await this.restore(family, removalLines(table, rules))
    return found
  }

  /**
   * The programs that this uses.
   *
   * @throws SystemCommandError COMMAND_NOT_FOUND
   */
  async programs(family: IpFamily): Promise<IptablesPrograms> {
    const found = await this.#find(family)
    if (found !== undefined) return found
    const name = iptablesProgram(family, this.variant)
    throw new SystemCommandError('COMMAND_NOT_FOUND', name, `${name} is not installed`)
  }

  /** Legacy tables have one lock for all, and who waits for it too long is refused: our families wait here instead. */
  #inTurn(restore: () => Promise<unknown>): Promise<unknown> {
    if (this.variant === 'nft') return restore()
    const restored = this.#last.then(restore)
    this.#last = restored.catch(() => {})
    return restored
  }

  /** Remembers what it has found: what isn't there may be installed meanwhile. */
  #find(family: IpFamily): Promise<IptablesPrograms | undefined> {
    const known = this.#programs.get(family)
    if (known !== undefined) return known
    const finding = findIptables(this.#command, this.variant, family)
    this.#programs.set(family, finding)
    const forget = () => this.#programs.delete(family)
    finding.then((found) => found ?? forget(), forget)
    return finding
  }
}
