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
export * from './netlink-reader.ts'
export {
  NetlinkProtocolError,
  NetlinkSocket,
  type NetlinkSocketOptions,
  readWhole,
} from './netlink-socket.ts'
export { NetlinkWriter, nested } from './netlink-writer.ts'
export { enterNetworkNamespace, inNetworkNamespace, networkNamespaceCookie } from './network-namespace.ts'
export { openTun } from './tun.ts'
export { XtablesInfo } from './xtables-info.ts'
