import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SystemCommand } from '@portolan/native/system-command'
import { tableName } from './base-rules.ts'
import type { ObservedState } from './program.ts'

/** The nft program in one network namespace. */
export class Nft {
  readonly #command: SystemCommand

  constructor(networkNamespace: string | undefined) {
    this.#command = new SystemCommand(networkNamespace)
  }

  /** Applies commands in one transaction: all of them or none. @returns how many bytes that took */
  async apply(commands: readonly string[]): Promise<number> {
    // A file, because nft can't open the socket that Node gives a child for its standard input.
    const folder = await mkdtemp(join(tmpdir(), `${tableName}-`))
    try {
      const path = join(folder, 'program.nft')
      const text = `${commands.join('\n')}\n`
      await writeFile(path, text)
      await this.run(['-f', path])
      return Buffer.byteLength(text)
    } finally {
      await rm(folder, { recursive: true })
    }
  }

  /** Our table, chain by chain and element by element. */
  async read(): Promise<ObservedState> {
    const chains = new Map<string, number>()
    const elements = new Map<string, string>()
    if (!(await this.hasTable())) return { chains, elements }
    const { nftables } = JSON.parse(await this.run(['-j', 'list', 'table', 'ip', tableName])) as Listing
    for (const { chain, rule, map, set } of nftables) {
      if (chain !== undefined) chains.set(chain.name, chains.get(chain.name) ?? 0)
      if (rule !== undefined) chains.set(rule.chain, (chains.get(rule.chain) ?? 0) + 1)
      for (const element of map?.elem ?? [])
        elements.set(`${map?.name} ${keyText(element[0])}`, element[1].goto.target)
      for (const element of set?.elem ?? []) elements.set(`${set?.name} ${setKey(set?.name, element)}`, '')
    }
    return { chains, elements }
  }

  async hasTable(): Promise<boolean> {
    const { nftables } = JSON.parse(await this.run(['-j', 'list', 'tables', 'ip'])) as Listing
    return nftables.some(({ table }) => table?.name === tableName)
  }

  /**
   * Never through a shell, and never by the caller's PATH: under npm that has another program called nft, which takes
   * everything and does nothing.
   */
  run(args: readonly string[]): Promise<string> {
    return this.#command.run('nft', args)
  }
}

/** The part of nft's JSON that our own table can contain. */
interface Listing {
  readonly nftables: readonly {
    readonly table?: { readonly name: string }
    readonly chain?: { readonly name: string }
    readonly rule?: { readonly chain: string }
    readonly map?: { readonly name: string; readonly elem?: readonly [Key, { goto: { target: string } }][] }
    readonly set?: { readonly name: string; readonly elem?: readonly Key[] }
  }[]
}

type Key = string | { readonly concat: readonly (string | number)[] } | { readonly prefix: Prefix }
interface Prefix {
  readonly addr: string
  readonly len: number
}

function keyText(key: Key): string {
  if (typeof key === 'string') return key
  return 'concat' in key ? key.concat.join(' . ') : `${key.prefix.addr}/${key.prefix.len}`
}

/** nft writes a range of one address as that address. */
function setKey(set: string | undefined, key: Key): string {
  return set === 'service-cidrs' && typeof key === 'string' ? `${key}/32` : keyText(key)
}
