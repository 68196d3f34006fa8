import { CodedError } from '@portolan/core'
import { SystemCommand, SystemCommandError } from '@portolan/native/system-command'
import { member } from './nft-json.ts'
import { openUnnamedFile } from './unnamed-file.ts'

/** Codes of {@link NftListingError}: when it happens, and the fix. */
export const nftListingErrorCodes = {
  NFT_LISTING_UNREADABLE: {
    when: 'nft listed something that is not JSON, as nft 1.0.6 does for a table with flags',
    fix: 'update nft, or find the table with nft list tables',
  },
} as const

/**
 * What nft listed is no JSON. Where a table has flags (`dormant`, `owner`), nft 1.0.6 frees one piece of memory twice: it
 * may break off, or die.
 */
export class NftListingError extends CodedError<keyof typeof nftListingErrorCodes> {
  constructor(args: readonly string[], cause: unknown) {
    const message = `what "nft -j ${args.join(' ')}" prints is no JSON: a table has something that this nft can't write`
    super('NFT_LISTING_UNREADABLE', message, undefined, { cause })
  }
}

/** Runs nft in one network namespace. */
export class NftCommand {
  readonly #command: SystemCommand

  /** @param networkNamespace as a path; absent: this process's own */
  constructor(networkNamespace: string | undefined) {
    this.#command = new SystemCommand(networkNamespace)
  }

  /** Applies a script in one transaction. */
  async run(script: string): Promise<void> {
    // nft opens /dev/stdin by name, which fails on the socket that Node gives a child.
    const file = await openUnnamedFile()
    try {
      await file.writeFile(script)
      await this.#nft(['-f', `/proc/${process.pid}/fd/${file.fd}`])
    } finally {
      await file.close()
    }
  }

  /**
   * Lists as JSON; `undefined` where the table doesn't exist.
   * @throws NftListingError
   */
  async list(args: readonly string[]): Promise<unknown[] | undefined> {
    let listed: string
    try {
      listed = await this.#nft(['-j', ...args])
    } catch (error) {
      if (!(error instanceof SystemCommandError)) throw error
      if (error.output.includes('No such file or directory')) return undefined
      throw error.signal === undefined ? error : new NftListingError(args, error)
    }
    const parsed = parse(listed, args)
    return Array.isArray(parsed?.nftables) ? parsed.nftables : []
  }

  /**
   * Lists a family's tables as JSON without elements, and at least the one of this name: that one alone, and with its
   * elements, where another one can't be listed. (Listing it alone would always be to the point, but nft 1.0.6 then reads
   * all elements in spite of `-t`.)
   *
   * @param family nft's name of it
   * @throws NftListingError when the table is there and can't be listed
   */
  async listTersely(family: string, table: string): Promise<unknown[]> {
    try {
      return (await this.list(['-t', 'list', 'ruleset', family])) ?? []
    } catch (error) {
      if (!(error instanceof NftListingError)) throw error
      return (await this.list(['list', 'table', family, table])) ?? []
    }
  }

  /**
   * Names of all tables, such as `ip portolan`, by the command that reads least: nft 1.0.6 reads all elements of all tables for
   * `list tables`, and knows no JSON for this.
   */
  async tableNames(): Promise<string[]> {
    const listed = await this.#nft(['list', 'flowtables'])
    return [...listed.matchAll(/^table (\S+ \S+) \{/gm)].map(([, name = '']) => name)
  }

  /** `1.0.6` */
  async version(): Promise<string> {
    const text = await this.#nft(['--version'])
    return /v(\d+(?:\.\d+)*)/.exec(text)?.[1] ?? text.trim()
  }

  #nft(args: readonly string[]): Promise<string> {
    return this.#command.run('nft', args)
  }
}

function parse(listed: string, args: readonly string[]): Record<string, unknown> | undefined {
  try {
    return member({ parsed: JSON.parse(listed) as unknown }, 'parsed')
  } catch (error) {
    throw new NftListingError(args, error)
  }
}
