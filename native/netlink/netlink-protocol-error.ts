/** Codes of {@link NetlinkProtocolError}: when it happens, and the fix. */
export const netlinkProtocolErrorCodes = {
  NETLINK_ABANDONED: {
    when: 'this netlink dump was given up for another question, which its socket answers now',
    fix: 'report it: two questions share a socket',
  },
  NETLINK_CLOSED: {
    when: 'this netlink socket is closed',
    fix: 'nothing at a stop; else report it',
  },
  NETLINK_DUMP_INTERRUPTED: {
    when: 'the kernel changed during a netlink dump',
    fix: 'nothing: it is repeated, ten times at most',
  },
  NETLINK_MALFORMED: {
    when: 'the kernel answered through netlink with something that is no netlink message',
    fix: "report it with the kernel's version",
  },
  NETLINK_OVERRUN: {
    when: 'the kernel lost answers through netlink for want of room (ENOBUFS): what was asked for may be done or not',
    fix: 'nothing: the kernel is read again',
  },
  NETLINK_TRUNCATED: {
    when: 'an answer through netlink was longer than the buffer for it',
    fix: 'nothing: it is repeated, ten times at most',
  },
  NETLINK_UNANSWERED: {
    when: 'the kernel did not answer through netlink in time: what was asked for may be done or not',
    fix: "nothing: it is retried; if it goes on, look at the kernel's log",
  },
} as const

/** An answer through netlink that did not come, or not whole. The socket can be used again: it starts afresh. */
export class NetlinkProtocolError extends Error {
  readonly code: keyof typeof netlinkProtocolErrorCodes

  constructor(code: NetlinkProtocolError['code'], detail?: string) {
    const { when } = netlinkProtocolErrorCodes[code]
    super(detail === undefined ? when : `${when}: ${detail}`)
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
