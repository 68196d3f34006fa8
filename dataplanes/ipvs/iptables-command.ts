import type { IpFamily } from '@portolan/core'
import type { SystemCommand } from '@portolan/native/system-command'
import type { Table } from './iptables-rules.ts'
import { type HeldRules, readSaved, removeScript } from './iptables-script.ts'
import type { IpvsSettings } from './settings.ts'

/** Seconds to wait for somebody else's iptables to end. */
const lockSeconds = '5'

/** iptables of one variant. */
export class Iptables {
  readonly #command: SystemCommand
  readonly #variant: IpvsSettings['iptables']

  constructor(command: SystemCommand, variant: IpvsSettings['iptables']) {
    this.#command = command
    this.#variant = variant
  }

  /** What is there of ours, by table; tables that nobody has used yet are missing. */
  async read(family: IpFamily): Promise<Map<Table, HeldRules>> {
    return readSaved(await this.#command.run(this.#program(family, 'save'), []))
  }

  /** Applies a script for one table, in one transaction. */
  async restore(family: IpFamily, script: string): Promise<void> {
    await this.#command.run(this.#program(family, 'restore'), ['--noflush', '-w', lockSeconds], script)
  }

  /** Takes out everything of ours; says what. */
  async remove(family: IpFamily): Promise<string[]> {
    const removed: string[] = []
    for (const [table, held] of await this.read(family)) {
      if (held.chains.size === 0) continue
      await this.restore(family, removeScript(table, held))
      removed.push(`${this.#program(family, '')} ${table}: ${held.chains.size} chains`)
    }
    return removed
  }

  /** `v1.8.9 (nf_tables)` */
  async version(): Promise<string> {
    const text = await this.#command.run(this.#program('IPv4', ''), ['--version'])
    return text.replace(/^iptables /, '').trim()
  }

  #program(family: IpFamily, action: 'save' | 'restore' | ''): string {
    const base = family === 'IPv4' ? 'iptables' : 'ip6tables'
    return [base, this.#variant === 'auto' ? '' : this.#variant, action]
      .filter((part) => part !== '')
      .join('-')
  }
}
