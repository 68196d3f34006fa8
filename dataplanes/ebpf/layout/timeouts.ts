/**
 * How long a connection is remembered without a packet in either direction, in seconds, by its state's number: what
 * native/bpf/timeouts.h has. A flow's other direction has the key { source: destination, destination: source } of its
 * value, ports alike; both are kept as long as one of them is young enough.
 */
export const flowTimeouts = [30, 30, 120, 120, 60, 86_400, 3600, 3600, 120, 10] as const
