import { ExecaError, execa } from 'execa'

/** A tool said no, or could not be started. */
export class CommandError extends Error {
  readonly code: 'COMMAND_NOT_FOUND' | 'COMMAND_NOT_PERMITTED' | 'COMMAND_FAILED'
  /** What the tool printed about it. */
  readonly output: string

  constructor(code: CommandError['code'], message: string, output: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CommandError'
    this.code = code
    this.output = output
  }
}

/** Where system tools live; the caller's PATH may have others of these names. */
const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Runs tools in one network namespace. */
export class Command {
  readonly networkNamespace: string | undefined

  /** @param networkNamespace as a path; absent: this process's own */
  constructor(networkNamespace: string | undefined) {
    this.networkNamespace = networkNamespace
  }

  /**
   * Runs a tool and gives what it printed.
   *
   * @throws CommandError
   */
  async run(tool: string, args: readonly string[], input = ''): Promise<string> {
    const enter = this.networkNamespace === undefined ? [] : ['nsenter', `--net=${this.networkNamespace}`]
    const [file = tool, ...argv] = [...enter, tool, ...args]
    try {
      const { stdout } = await execa(file, argv, {
        input,
        env: { PATH: systemPath, LC_ALL: 'C' },
        maxBuffer: 2 * 1024 * 1024 * 1024,
        stripFinalNewline: false,
      })
      return stdout
    } catch (error) {
      if (!(error instanceof ExecaError)) throw error
      throw described(tool, file, error)
    }
  }
}

function described(tool: string, file: string, error: ExecaError): CommandError {
  const output = String(error.stderr ?? '').trim()
  const missing = error.code === 'ENOENT' || (file === 'nsenter' && /failed to execute/.test(output))
  if (missing) return new CommandError('COMMAND_NOT_FOUND', `${tool} is not installed`, output)
  if (/permission denied|operation not permitted/i.test(output)) {
    const message = `${tool} may not touch the kernel: run as root, or give the process CAP_NET_ADMIN`
    return new CommandError('COMMAND_NOT_PERMITTED', message, output)
  }
  const said = output.split('\n').filter((line) => !/^(#|Ignoring deprecated)/.test(line))
  const message = said.slice(0, 3).join(' ') || error.shortMessage
  return new CommandError('COMMAND_FAILED', message, output, { cause: error })
}
