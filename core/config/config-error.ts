/** One thing that is wrong with the configuration. */
export interface ConfigProblem {
  /** `--cluster-cidr` */
  readonly flag: string
  /** What was given; absent where the flag itself is missing. */
  readonly value?: string
  /** What is wrong and what would be right. */
  readonly fix: string
}

/** Codes of {@link ConfigError}: when it happens, and the fix. */
export const configErrorCodes = {
  CONFIG_INVALID: {
    when: 'a flag is missing, unknown, or has a value that makes no sense; all such flags are named at once',
    fix: 'change the flags as each line says; portolan run --help lists them',
  },
} as const

/** The configuration can't be used. It names everything that is wrong at once, so that one attempt fixes it. */
export class ConfigError extends Error {
  readonly code: keyof typeof configErrorCodes = 'CONFIG_INVALID'
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(describeProblem).join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** `--cluster-cidr '10.0.0.0/33': not a CIDR; write it as 10.244.0.0/16` */
export function describeProblem({ flag, value, fix }: ConfigProblem): string {
  return value === undefined ? `${flag}: ${fix}` : `${flag} '${shorten(value)}': ${fix}`
}

function shorten(value: string): string {
  const plain = value.replaceAll(/[\p{Cc}]/gu, '?')
  return plain.length > 120 ? `${plain.slice(0, 120)}...` : plain
}
