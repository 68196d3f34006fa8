const meanings = {
  NETLINK_ABANDONED: 'this netlink dump was given up for another question, which its socket answers now',
  NETLINK_CLOSED: 'this netlink socket is closed',
  NETLINK_DUMP_INTERRUPTED: 'the kernel changed during a netlink dump',
  NETLINK_MALFORMED: 'the kernel answered through netlink with something that is no netlink message',
  NETLINK_OVERRUN:
    'the kernel lost answers through netlink for want of room (ENOBUFS): what was asked for may be done or not',
  NETLINK_TRUNCATED: 'an answer through netlink was longer than the buffer for it',
  NETLINK_UNANSWERED:
    'the kernel did not answer through netlink in time: what was asked for may be done or not',
} as const

/** An answer through netlink that did not come, or not whole. The socket can be used again: it starts afresh. */
export class NetlinkProtocolError extends Error {
  readonly code: keyof typeof meanings

  constructor(code: NetlinkProtocolError['code'], detail?: string) {
    super(detail === undefined ? meanings[code] : `${meanings[code]}: ${detail}`)
    this.name = 'NetlinkProtocolError'
    this.code = code
  }
}

/** A question whose answers go on being spoilt is given up after so many times. */
const attempts = 10

/** What another attempt may well have the better of. Only of questions that change nothing. */
const passing: readonly string[] = [
  'NETLINK_DUMP_INTERRUPTED',
  'NETLINK_OVERRUN',
  'NETLINK_TRUNCATED',
] satisfies NetlinkProtocolError['code'][]

/**
 * Asks again while the answer is interrupted by changes, or lost in part. For questions that change nothing.
 *
 * @param read asks anew and reads the answer to its end
 * @throws NetlinkProtocolError when the tenth answer was spoilt too
 */
export function readWhole<Result>(read: () => Result): Result {
  for (let attempt = 1; ; attempt++) {
    try {
      return read()
    } catch (error) {
      const again = error instanceof NetlinkProtocolError && passing.includes(error.code)
      if (!again || attempt === attempts) throw error
    }
  }
}
