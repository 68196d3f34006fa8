export { type DirectoryLock, LockTimeoutError, lockDirectory } from './directory-lock.ts'
export {
  beginGenericCommand,
  type GenericNetlinkFamily,
  GenericNetlinkFamilyError,
  type GenericNetlinkOptions,
  GenericNetlinkSocket,
  genericHeaderBytes,
} from './generic-netlink.ts'
export { listDefaultRoutes, listInterfaces, type NetworkInterface } from './interfaces.ts'
export { describeErrno, SystemCallError } from './libc.ts'
export { NetfilterInfo } from './netfilter-info.ts'
export { type NetlinkChannel, type NetlinkSocketOptions, openNetlinkChannel } from './netlink-channel.ts'
export { NetlinkProtocolError, readWhole } from './netlink-protocol-error.ts'
export * from './netlink-reader.ts'
export { NetlinkSocket } from './netlink-socket.ts'
export { NetlinkWriter, nested } from './netlink-writer.ts'
export { enterNetworkNamespace, inNetworkNamespace, networkNamespaceCookie } from './network-namespace.ts'
export { RouteEvents, type RouteEventsOptions } from './route-events.ts'
export { openTun } from './tun.ts'
export { XtablesInfo } from './xtables-info.ts'
