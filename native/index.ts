export { describeErrno, SystemCallError } from './libc.ts'
export { enterNetworkNamespace, inNetworkNamespace } from './network-namespace.ts'
