/**
 * A virtual node in a few lines, for tests with real packets:
 *
 * ```ts
 * await using lab = await createLab()
 * await lab.pods[0].serve('TCP', '10.1.0.2', 8080)
 * const answer = await lab.outside.probe({ protocol: 'TCP', to: { address: '10.1.0.2', port: 8080 } })
 * // { result: 'answered', host: 'pod0', address: '10.1.0.2', port: 8080,
 * //   seen: { address: '172.20.0.100', port: 41372 }, milliseconds: 0.4 }
 * ```
 *
 * ```
 *   pod0  pod1                       remote     another node, and all pods of 10.1.1.0/24 on it
 *     │    │                           │
 *    cbr0 (or a routed veth each) ── node ──── outside    a client that is not of the cluster
 *                                      │
 *                                   internet    the default route: answers at every address there is
 * ```
 *
 * Everything has IPv4 and IPv6. Whatever the node doesn't translate and doesn't stop ends at `internet`, so a packet
 * to a Service that leaks is seen: let `internet` serve the Service's port, and the leak answers with its name.
 * A lab is made in well under a second and leaves nothing behind: `close()`, `await using`, the end of the process
 * (Ctrl-C and exceptions included), and for a process that was killed the next lab on the machine.
 */
export { ConntrackEntries, type ConntrackEntry, fullAddress, fullAddressBytes } from './conntrack-entries.ts'
export type { ConnectLoop, HeldConnection, Host, RecordingSocket, Server } from './host.ts'
export {
  type Arrival,
  type ConnectLoopReport,
  type ConnectLoopRequest,
  type EchoReply,
  type FirstPacket,
  type FirstPacketRequest,
  type Heard,
  type HeldAnswer,
  type HoldRequest,
  now,
  type OpenRequest,
  type Overheard,
  type PingResult,
  type ProbeRequest,
  type ProbeResult,
  type Protocol,
  type SayRequest,
  type SilenceRequest,
  type SilenceResult,
  type SocketAddress,
} from './host-calls.ts'
export { hostsSettled } from './host-thread.ts'
export { createLab, type Lab, type LabOptions } from './lab.ts'
export { NamespaceRelay } from './namespace-relay.ts'
export { sweepDeadLabs } from './namespaces.ts'
export {
  type Family,
  type FamilyNetwork,
  families,
  network,
  podAddress,
  remotePodAddress,
} from './network.ts'
export type { Ending } from './recording-socket.ts'
export { supportsSctp } from './sctp-socket.ts'
export { type PodNetwork, podBridge, podInterfacePrefix } from './topology.ts'
