export { type DirectoryLock, LockTimeoutError, lockDirectory } from './directory-lock.ts'
export { listDefaultRoutes, listInterfaces, type NetworkInterface } from './interfaces.ts'
export { describeErrno, SystemCallError } from './libc.ts'
export {
  beginGenericCommand,
  type GenericNetlinkFamily,
  GenericNetlinkFamilyError,
  type GenericNetlinkOptions,
  GenericNetlinkSocket,
  genericHeaderBytes,
} from './netlink/generic-netlink.ts'
export {
  type NetlinkChannel,
  type NetlinkSocketOptions,
  openNetlinkChannel,
} from './netlink/netlink-channel.ts'
export { NetlinkProtocolError, readWhole } from './netlink/netlink-protocol-error.ts'
export * from './netlink/netlink-reader.ts'
export { NetlinkSocket } from './netlink/netlink-socket.ts'
export { NetlinkWriter, nested } from './netlink/netlink-writer.ts'
export { enterNetworkNamespace, inNetworkNamespace, networkNamespaceCookie } from './network-namespace.ts'
export { inNamespace, readProc } from './proc.ts'
export { type Capability, capabilityProblem, effectiveCapabilities } from './process-capabilities.ts'
export { RouteEvents, type RouteEventsOptions } from './route-events.ts'
export { openTun } from './tun.ts'
