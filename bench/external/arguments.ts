import { CodedError } from '@portolan/core'
import { split } from 'shlex'

/** What stands for the place where a program is measured, in its arguments. */
export interface Place {
  /** Path of a kubeconfig file that leads to the embedded API server. */
  readonly kubeconfig: string
  /** The name of the node that it runs on. */
  readonly node: string
  /** Addresses of all pods. */
  readonly clusterCidr: string
  /** `https://127.0.0.1:41234` */
  readonly apiServer: string
}

/** Codes of {@link ArgumentsError}: when it happens, and the fix. */
export const argumentsErrorCodes = {
  EXTERNAL_ARGUMENTS: {
    when: 'the arguments for the external program cannot be read',
    fix: 'correct them as the message says',
  },
} as const

/** A mistake in `--external-args`. */
export class ArgumentsError extends CodedError<keyof typeof argumentsErrorCodes> {
  constructor(message: string, fix: string) {
    super('EXTERNAL_ARGUMENTS', message, fix)
  }
}

/**
 * The arguments in a text, as a person writes them for a shell: separated by spaces, with a shell's quotes and backslashes.
 * No shell reads them, so nothing else has a meaning.
 *
 * @throws ArgumentsError for a quote that is not closed
 */
export function splitArguments(text: string): string[] {
  try {
    return split(text)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ArgumentsError(
      `--external-args '${text}': a quote is not closed (${reason})`,
      'close it, or quote it by the other kind',
    )
  }
}

const names: readonly (keyof Place)[] = ['kubeconfig', 'node', 'clusterCidr', 'apiServer']

/**
 * Puts the place into arguments: `--kubeconfig={kubeconfig}`.
 *
 * @throws ArgumentsError for a word in braces that stands for nothing; other braces are left as they are
 */
export function fillArguments(args: readonly string[], place: Place): string[] {
  return args.map((argument) =>
    argument.replaceAll(/\{([A-Za-z]+)\}/g, (_, word: string) => {
      const name = names.find((known) => known === word)
      if (name === undefined) {
        const known = names.map((one) => `{${one}}`).join(', ')
        throw new ArgumentsError(
          `--external-args '${argument}': nothing is called {${word}}`,
          `one of ${known}`,
        )
      }
      return place[name]
    }),
  )
}
