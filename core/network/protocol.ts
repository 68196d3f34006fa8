/** The transport protocols of a Service's port (SEMANTICS 2). */
export type Protocol = 'TCP' | 'UDP' | 'SCTP'

export const protocols: readonly Protocol[] = ['TCP', 'UDP', 'SCTP']

/** IPPROTO_* of netinet/in.h. */
export const protocolNumber = { TCP: 6, UDP: 17, SCTP: 132 } as const

/** The protocol of a number; `undefined`: none that Services have. */
export function protocolOfNumber(number: number | undefined): Protocol | undefined {
  return protocols.find((protocol) => protocolNumber[protocol] === number)
}
