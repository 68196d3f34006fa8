export type IpFamily = 'IPv4' | 'IPv6'

/** AF_INET and AF_INET6. */
export const addressFamily = { IPv4: 2, IPv6: 10 } as const
