import { SystemCommand, SystemCommandError } from '@portolan/native/system-command'
import { openUnnamedFile } from './unnamed-file.ts'

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

  /** Lists as JSON; `undefined` where the table doesn't exist. */
  async list(args: readonly string[]): Promise<unknown[] | undefined> {
    try {
      const parsed: unknown = JSON.parse(await this.#nft(['-j', ...args]))
      if (
        typeof parsed === 'object' &&
        parsed !== null &&
        'nftables' in parsed &&
        Array.isArray(parsed.nftables)
      ) {
        return parsed.nftables
      }
      return []
    } catch (error) {
      if (error instanceof SystemCommandError && error.output.includes('No such file or directory'))
        return undefined
      throw error
    }
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
