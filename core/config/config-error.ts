import { CodedError } from '../error/coded-error.ts'

/** One thing that is wrong with the configuration. */
export interface ConfigProblem {
  /** `config.conf:12`; absent: the command line. */
  readonly at?: string
  /** `--cluster-cidr`, or the path of a field: `conntrack.min`. */
  readonly setting: string
  /** What was given; absent where the setting itself is missing. */
  readonly value?: string
  /** What is wrong and what would be right. */
  readonly fix: string
}

/** What is wrong with something that was given. */
export function problemOf(
  { at, setting, text }: { readonly at?: string; readonly setting: string; readonly text: string },
  fix: string,
): ConfigProblem {
  return { ...(at === undefined ? {} : { at }), setting, value: text, fix }
}

/** Codes of {@link ConfigError}: when it happens, and the fix. */
export const configErrorCodes = {
  CONFIG_INVALID: {
    when: 'a flag or a field of the configuration is missing, unknown, or has a value that makes no sense; all such are named at once',
    fix: 'change them as each line says; [configuration](configuration.md) lists all flags and fields',
  },
} as const

/** Problems that one message names. */
const maxTold = 50

/** The configuration can't be used. It names everything that is wrong at once, so that one attempt fixes it. */
export class ConfigError extends CodedError<keyof typeof configErrorCodes> {
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    const rest = problems.length - maxTold
    const told = problems.slice(0, maxTold).map(describeProblem)
    const message = [...told, ...(rest > 0 ? [`and ${rest} more`] : [])].join('\n')
    super('CONFIG_INVALID', message, undefined)
    this.problems = problems
  }
}

/** `config.conf:12: clusterCIDR '10.0.0.0/33': write CIDRs with commas between them, such as ...` */
export function describeProblem({ at, setting, value, fix }: ConfigProblem): string {
  const place = at === undefined ? '' : `${at}: `
  return value === undefined ? `${place}${setting}: ${fix}` : `${place}${setting} '${shorten(value)}': ${fix}`
}

/** What an operator or a file has said, fit for one line of a log. */
export function shorten(value: string): string {
  const plain = value.replaceAll(/[\p{Cc}]/gu, '?')
  return plain.length > 120 ? `${plain.slice(0, 120)}...` : plain
}
