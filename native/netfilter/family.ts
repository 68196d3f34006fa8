export type IpFamily = 'IPv4' | 'IPv6'

/** AF_INET and AF_INET6. */
export const addressFamily = { IPv4: 2, IPv6: 10 } as const

/** IPPROTO_*, of the protocols that Services have. */
export const protocolNumber = { TCP: 6, UDP: 17, SCTP: 132 } as const

/** The protocol of a number; `undefined`: none of those. */
export function protocolOfNumber(number: number | undefined): keyof typeof protocolNumber | undefined {
  return (['TCP', 'UDP', 'SCTP'] as const).find((protocol) => protocolNumber[protocol] === number)
}
