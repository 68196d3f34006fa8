import { ExecaError, execa } from 'execa'

/** A program said no, or could not be started. */
export class SystemCommandError extends Error {
  readonly code: 'COMMAND_NOT_FOUND' | 'COMMAND_FAILED'
  readonly program: string
  /** What it printed. */
  readonly output: string

  constructor(code: SystemCommandError['code'], program: string, message: string, output: string) {
    super(message)
    this.name = 'SystemCommandError'
    this.code = code
    this.program = program
    this.output = output
  }
}

/** Where system tools live, whatever the caller's PATH. */
const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Runs programs of the system in one network namespace. */
export class SystemCommand {
  readonly #networkNamespace: string | undefined

  /** @param networkNamespace as a path; absent: this process's own */
  constructor(networkNamespace: string | undefined) {
    this.#networkNamespace = networkNamespace
  }

  /** @returns what it printed. @throws SystemCommandError */
  async run(program: string, args: readonly string[], input?: string): Promise<string> {
    const inNamespace =
      this.#networkNamespace === undefined ? [] : ['nsenter', `--net=${this.#networkNamespace}`]
    const [file = program, ...argv] = [...inNamespace, program, ...args]
    try {
      const { stdout, stderr } = await execa(file, argv, {
        ...(input === undefined ? { stdin: 'ignore' } : { input }),
        env: { PATH: systemPath },
        maxBuffer: 1024 * 1024 * 1024,
      })
      // What ipvsadm could not restore it tells, and still exits with 0.
      if (program === 'ipvsadm' && stderr.trim() !== '')
        throw new SystemCommandError('COMMAND_FAILED', program, `${program}: ${firstLines(stderr)}`, stderr)
      return stdout
    } catch (error) {
      if (!(error instanceof ExecaError)) throw error
      const output = String(error.stderr ?? '').trim()
      if (error.code === 'ENOENT' || (error.exitCode === 127 && inNamespace.length > 0))
        throw new SystemCommandError('COMMAND_NOT_FOUND', program, `${program} is not installed`, output)
      const words = firstLines(output) || error.shortMessage
      throw new SystemCommandError('COMMAND_FAILED', program, `${program}: ${words}`, output)
    }
  }
}

function firstLines(output: string): string {
  return output.trim().split('\n').slice(0, 3).join(' ')
}
