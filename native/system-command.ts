import { ExecaError, execa } from 'execa'

/** Where system programs are, whatever the caller's PATH: npm's has a program called nft that is no part of netfilter. */
export const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Codes of {@link SystemCommandError}: when it happens, and the fix. */
export const systemCommandErrorCodes = {
  COMMAND_NOT_FOUND: {
    when: 'a system program (nft, iptables, ipset, ip) is not installed',
    fix: 'install the package that has it',
  },
  COMMAND_NOT_PERMITTED: {
    when: 'the program may not be started, or not in this network namespace',
    fix: 'run as root, or with CAP_NET_ADMIN',
  },
  COMMAND_FAILED: {
    when: 'the program ended with a failure; output has what it printed',
    fix: 'look at what it printed',
  },
} as const

/** A system program said no, or could not be started. */
export class SystemCommandError extends Error {
  readonly code: keyof typeof systemCommandErrorCodes
  readonly program: string
  /** What it printed about it. */
  readonly output: string
  /** By which signal it died, such as SIGSEGV; `undefined`: it ended by itself, or didn't start. */
  readonly signal: string | undefined

  constructor(
    code: SystemCommandError['code'],
    program: string,
    message: string,
    output = '',
    options: ErrorOptions & { readonly signal?: string | undefined } = {},
  ) {
    super(message, options)
    this.signal = options.signal
    this.name = 'SystemCommandError'
    this.code = code
    this.program = program
    this.output = output
  }
}

/** What a system program printed. */
export interface SystemOutput {
  readonly stdout: string
  readonly stderr: string
}

/** Runs system programs (nft, iptables, ipset, ip) in one network namespace. */
export class SystemCommand {
  readonly networkNamespace: string | undefined

  /** @param networkNamespace as a path; absent: this process's own */
  constructor(networkNamespace: string | undefined) {
    this.networkNamespace = networkNamespace
  }

  /**
   * Runs a program to its end.
   *
   * @param input what it reads from its standard input; absent: nothing
   * @returns what it printed, as it was printed
   * @throws SystemCommandError
   */
  async run(program: string, args: readonly string[], input = ''): Promise<string> {
    return (await this.capture(program, args, input)).stdout
  }

  /** Like {@link run}, with what a program complained of although it ended well. */
  async capture(program: string, args: readonly string[], input = ''): Promise<SystemOutput> {
    const enter = this.networkNamespace === undefined ? [] : ['nsenter', `--net=${this.networkNamespace}`]
    const [file = program, ...argv] = [...enter, program, ...args]
    try {
      return await execa(file, argv, {
        input,
        env: { PATH: systemPath, LC_ALL: 'C' },
        maxBuffer: 2 * 1024 * 1024 * 1024,
        stripFinalNewline: false,
      })
    } catch (error) {
      if (!(error instanceof ExecaError)) throw error
      throw asSystemCommandError(program, file, error)
    }
  }
}

function asSystemCommandError(program: string, file: string, error: ExecaError): SystemCommandError {
  const output = String(error.stderr ?? '').trim()
  const missing = error.code === 'ENOENT' ? file : /failed to execute/.test(output) ? program : undefined
  if (missing !== undefined)
    return new SystemCommandError('COMMAND_NOT_FOUND', missing, `${missing} is not installed`, output)
  if (/permission denied|operation not permitted/i.test(output)) {
    const message = `${program} may not touch the kernel: run as root, or give the process CAP_NET_ADMIN`
    return new SystemCommandError('COMMAND_NOT_PERMITTED', program, message, output)
  }
  const said = firstLines(output) || error.shortMessage
  const message = said.startsWith(program) ? said : `${program}: ${said}`
  return new SystemCommandError('COMMAND_FAILED', program, message, output, {
    cause: error,
    signal: error.signal,
  })
}

/** The first three lines that are no mere remarks, as one. */
export function firstLines(output: string): string {
  const said = output
    .trim()
    .split('\n')
    .filter((line) => !/^(#|Ignoring deprecated)/.test(line))
  return said.slice(0, 3).join(' ')
}
