/** Programs at sockets, by the cgroup hook that they are for. */
export const socketPrograms = {
  connect4: 'connect_ipv4',
  connect6: 'connect_ipv6',
  sendmsg4: 'sendmsg_ipv4',
  sendmsg6: 'sendmsg_ipv6',
  recvmsg4: 'recvmsg_ipv4',
  recvmsg6: 'recvmsg_ipv6',
  getpeername4: 'getpeername_ipv4',
  getpeername6: 'getpeername_ipv6',
  sock_release: 'socket_closed',
} as const

/** Programs at interfaces, by direction. */
export const packetPrograms = { ingress: 'packets_in', egress: 'packets_out' } as const

/** The same for interfaces whose packets begin with the IP header: tunnels, PPP. */
export const barePacketPrograms = { ingress: 'bare_packets_in', egress: 'bare_packets_out' } as const

/** The same for ports of bridges: the bridge itself has those of packetPrograms. */
export const switchedPacketPrograms = { ingress: 'switched_packets_in' } as const

/** Every program of native/bpf/portolan.bpf.c. */
export const allPrograms: readonly string[] = [
  socketPrograms,
  packetPrograms,
  barePacketPrograms,
  switchedPacketPrograms,
].flatMap((some) => Object.values(some))

/**
 * The iterator of native/bpf/close.bpf.c, which closes UDP sockets of the network namespace that it runs in: those that
 * were led to an endpoint of a service that is in the map `removed` (key removed_key, value one byte). The map `peers` is
 * the one that the other programs fill.
 */
export const closingProgram = 'close_udp'
