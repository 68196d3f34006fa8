import type { Flags } from '../config/config-flags.ts'

/** What `portolan install` is asked for, as written on the command line, beside the flags of `run`. */
export interface InstallOptions {
  readonly apiServer?: string
  readonly configMap?: string
  readonly image?: string
  readonly name?: string
  readonly namespace?: string
  readonly nodeSelector?: readonly string[]
}

/** The text of the file that `--config` names, and its name for messages. */
export interface GivenFile {
  readonly name: string
  readonly text: string
}

export type InstallFlags = Flags & InstallOptions
