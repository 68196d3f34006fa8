import type { IpFamily } from '@portolan/core'
import { type SystemCommand, SystemCommandError } from '@portolan/native/system-command'
import type { Table } from '../layout/iptables-rules.ts'
import { type HeldRules, readSaved, removeScript } from '../layout/iptables-script.ts'
import type { IpvsSettings } from '../layout/settings.ts'

/** Seconds to wait for somebody else's iptables to end. */
const lockSeconds = '5'

type Program = IpvsSettings['iptables']

/** Which machinery of the kernel is behind iptables. */
export type Variant = 'nft' | 'legacy'

/** Rules of ours of the variant that is not used any more. */
export interface LeftOver {
  readonly variant: Variant
  readonly tables: ReadonlyMap<Table, HeldRules>
}

/** iptables: of the variant in use, and what was left by the other one. */
export class Iptables {
  readonly #command: SystemCommand
  readonly #used: Program
  #variant: Promise<Variant> | undefined

  constructor(command: SystemCommand, used: Program) {
    this.#command = command
    this.#used = used
  }

  /** What is there of ours, by table; tables that nobody has used yet are missing. */
  async read(family: IpFamily): Promise<Map<Table, HeldRules>> {
    return this.#read(family, this.#used)
  }

  /** What the variant that is not used has of ours: the setting, or what the system calls iptables, was another one. */
  async readLeftOver(family: IpFamily): Promise<LeftOver | undefined> {
    this.#variant ??=
      this.#used === 'auto' ? this.version('IPv4').then(variantOf) : Promise.resolve(this.#used)
    this.#variant.catch(() => {
      this.#variant = undefined
    })
    const variant = (await this.#variant) === 'nft' ? 'legacy' : 'nft'
    const tables = await this.#readOther(family, variant)
    return tables.size === 0 ? undefined : { variant, tables }
  }

  /** Applies a script for one table, in one transaction. */
  async restore(family: IpFamily, script: string, program = this.#used): Promise<void> {
    await this.#command.run(nameOf(family, program, 'restore'), ['--noflush', '-w', lockSeconds], script)
  }

  /** Takes out everything of ours, of both variants; says what. */
  async remove(family: IpFamily): Promise<string[]> {
    const removed = await this.#remove(family, this.#used, await this.read(family))
    const { variant, tables } = (await this.readLeftOver(family)) ?? {}
    if (variant !== undefined) removed.push(...(await this.#remove(family, variant, tables)))
    return removed
  }

  /** `v1.8.9 (nf_tables)` */
  async version(family: IpFamily): Promise<string> {
    const text = await this.#command.run(nameOf(family, this.#used, ''), ['--version'])
    return text.replace(/^ip6?tables /, '').trim()
  }

  async #read(family: IpFamily, program: Program): Promise<Map<Table, HeldRules>> {
    // Without `-t`: to ask for a legacy table that doesn't exist would make it.
    return readSaved(await this.#command.run(nameOf(family, program, 'save'), []))
  }

  /** The tables in which there is something of ours. */
  async #readOther(family: IpFamily, variant: Variant): Promise<Map<Table, HeldRules>> {
    try {
      const tables = await this.#read(family, variant)
      return new Map([...tables].filter(([, { chains, jumps }]) => chains.size + jumps.length > 0))
    } catch (error) {
      if (!(error instanceof SystemCommandError)) throw error
      // Neither where it isn't installed nor where the kernel doesn't have it is anything left of it.
      if (error.code === 'COMMAND_NOT_FOUND' || /initialize/.test(error.output)) return new Map()
      throw error
    }
  }

  async #remove(
    family: IpFamily,
    program: Program,
    tables: ReadonlyMap<Table, HeldRules> = new Map(),
  ): Promise<string[]> {
    const removed: string[] = []
    for (const [table, held] of tables) {
      if (held.chains.size + held.jumps.length === 0) continue
      await this.restore(family, removeScript(table, held), program)
      removed.push(`${nameOf(family, program, '')} ${table}: ${held.chains.size} chains`)
    }
    return removed
  }
}

function variantOf(version: string): Variant {
  return version.includes('nf_tables') ? 'nft' : 'legacy'
}

/** `ip6tables-legacy-save` */
export function nameOf(family: IpFamily, program: Program, action: 'save' | 'restore' | ''): string {
  const base = family === 'IPv4' ? 'iptables' : 'ip6tables'
  return [base, program === 'auto' ? '' : program, action].filter((part) => part !== '').join('-')
}
