import type { IpFamily } from '@portolan/core'
import { detectIptablesVariant, type IptablesVariant, Xtables } from '@portolan/native/netfilter'
import type { SystemCommand } from '@portolan/native/system-command'
import type { LeftOver, ObservedTables } from '../layout/observed-state.ts'
import { isOurChain } from '../layout/sets.ts'
import type { IpvsSettings } from '../layout/settings.ts'

/** iptables: of the variant in use, and what was left by the other one. */
export class Iptables {
  readonly #command: SystemCommand
  readonly #chosen: IpvsSettings['iptables']
  readonly #variants: Readonly<Record<IptablesVariant, Xtables>>
  #inUse: Promise<IptablesVariant> | undefined

  /** @param chosen `auto`: the variant that the node uses */
  constructor(command: SystemCommand, chosen: IpvsSettings['iptables']) {
    this.#command = command
    this.#chosen = chosen
    this.#variants = {
      legacy: new Xtables(command, 'legacy', isOurChain),
      nft: new Xtables(command, 'nft', isOurChain),
    }
  }

  /** What is there of ours, by table. */
  async read(family: IpFamily): Promise<ObservedTables> {
    return this.#variants[await this.used()].readAll(family)
  }

  /** What the variant that is not used has of ours: the setting, or what the node uses, was another one. */
  async readLeftOver(family: IpFamily): Promise<LeftOver | undefined> {
    const variant = (await this.used()) === 'nft' ? 'legacy' : 'nft'
    const tables = await this.#variants[variant].readIfThere(family)
    return tables.size === 0 ? undefined : { variant, tables }
  }

  /**
   * Applies a script for one table, in one transaction.
   *
   * @param variant default: the one in use
   * @throws RefusedLineError
   */
  async restore(family: IpFamily, script: string, variant?: IptablesVariant): Promise<void> {
    await this.#variants[variant ?? (await this.used())].restore(family, script.trimEnd().split('\n'))
  }

  /** Takes out everything of ours in some tables, of both variants; says what. */
  async remove(family: IpFamily, isWanted: (table: string) => boolean): Promise<string[]> {
    const removed: string[] = []
    for (const variant of [this.#variants.nft, this.#variants.legacy])
      for (const [table, { chains }] of await variant.remove(family, isWanted))
        removed.push(`${chains.size} chains of the ${variant.variant} ${family} table ${table}`)
    return removed
  }

  /** `1.8.9 (nft)` */
  async version(family: IpFamily): Promise<string> {
    const { version, variant } = await this.#variants[await this.used()].programs(family)
    return `${version} (${variant})`
  }

  /** The variant that rules are written by. */
  used(): Promise<IptablesVariant> {
    if (this.#chosen !== 'auto') return Promise.resolve(this.#chosen)
    if (this.#inUse === undefined) {
      const detecting = detectIptablesVariant(this.#command, isOurChain)
      this.#inUse = detecting
      detecting.catch(() => {
        this.#inUse = undefined
      })
    }
    return this.#inUse
  }
}
