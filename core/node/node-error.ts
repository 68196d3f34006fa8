/** Codes of {@link NodeError}: when it happens, and the fix. */
export const nodeErrorCodes = {
  PORTOLAN_RUNS: {
    when: 'another Portolan serves this network namespace, or removes what one made: the message names it',
    fix: 'stop that one first, or wait for its end; of cleanup alone, --force goes ahead beside it',
  },
} as const

/** Why this node, as it is, can't be worked on. */
export class NodeError extends Error {
  readonly code: keyof typeof nodeErrorCodes
  readonly fix: string

  constructor(code: NodeError['code'], message: string, fix: string) {
    super(message)
    this.name = 'NodeError'
    this.code = code
    this.fix = fix
  }
}
