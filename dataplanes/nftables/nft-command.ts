import { ExecaError, execa } from 'execa'
import { openUnnamedFile } from './unnamed-file.ts'

/** nft said no, or could not be started. */
export class NftCommandError extends Error {
  readonly code: 'NFT_NOT_FOUND' | 'NFT_NOT_PERMITTED' | 'NFT_FAILED'
  /** What nft printed. */
  readonly output: string

  constructor(code: NftCommandError['code'], message: string, output: string) {
    super(message)
    this.name = 'NftCommandError'
    this.code = code
    this.output = output
  }
}

/** Where system tools live. Not the caller's PATH: under npm that has another program called nft. */
const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Runs nft in one network namespace. */
export class NftCommand {
  readonly #networkNamespace: string | undefined

  /** @param networkNamespace as a path; absent: this process's own */
  constructor(networkNamespace: string | undefined) {
    this.#networkNamespace = networkNamespace
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
      if (error instanceof NftCommandError && error.output.includes('No such file or directory'))
        return undefined
      throw error
    }
  }

  /** `1.0.6` */
  async version(): Promise<string> {
    const text = await this.#nft(['--version'])
    return /v(\d+(?:\.\d+)*)/.exec(text)?.[1] ?? text.trim()
  }

  async #nft(args: readonly string[]): Promise<string> {
    const inNamespace =
      this.#networkNamespace === undefined ? [] : ['nsenter', `--net=${this.#networkNamespace}`]
    const [file = 'nft', ...argv] = [...inNamespace, 'nft', ...args]
    try {
      const { stdout } = await execa(file, argv, {
        stdin: 'ignore',
        env: { PATH: systemPath },
        maxBuffer: 1024 * 1024 * 1024,
      })
      return stdout
    } catch (error) {
      if (!(error instanceof ExecaError)) throw error
      if (error.code === 'ENOENT') {
        throw new NftCommandError('NFT_NOT_FOUND', `${file} is not installed`, '')
      }
      const output = String(error.stderr ?? '').trim()
      if (/operation not permitted/i.test(output)) {
        const message = 'nft may not touch the kernel: run as root, or give the process CAP_NET_ADMIN'
        throw new NftCommandError('NFT_NOT_PERMITTED', message, output)
      }
      throw new NftCommandError(
        'NFT_FAILED',
        output.split('\n').slice(0, 3).join(' ') || error.shortMessage,
        output,
      )
    }
  }
}
