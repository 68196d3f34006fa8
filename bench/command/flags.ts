/** An `--external`, with the options after it that are its own. */
export interface ExternalFlags {
  readonly program: string
  readonly args: readonly string[]
  readonly name?: string
  readonly timeoutMinutes: number
}

/** What the command line of `portolan bench` says, read. */
export interface BenchFlags {
  readonly services?: readonly number[]
  readonly endpoints?: readonly number[]
  readonly dataplane?: readonly string[]
  readonly scenario?: readonly string[]
  readonly apiServer?: string
  readonly recording?: string
  readonly recordingSpeed: number
  readonly node: string
  readonly external?: readonly ExternalFlags[]
  readonly changes?: number
  readonly repeat: number
  readonly thorough: boolean
  readonly list: boolean
  readonly json: string
  readonly report: string
}
