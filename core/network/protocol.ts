/** The transport protocols of a Service's port (SEMANTICS 2). */
export type Protocol = 'TCP' | 'UDP' | 'SCTP'

export const protocols: readonly Protocol[] = ['TCP', 'UDP', 'SCTP']
