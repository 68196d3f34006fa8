export { type ApiObject, type Kind, type ObjectMetadata, resourceKind } from './api-object.ts'
export { ApiServer, type ApiServerOptions } from './api-server.ts'
export { CertificateAuthority, type CertifiedKey } from './certificates.ts'
export type { Checkpoint } from './cluster-state.ts'
export type { Fault } from './faults.ts'
export { freePort } from './free-port.ts'
export type { ServedRequest } from './http-api.ts'
export {
  type KubeconfigServer,
  type KubeconfigUser,
  kubeconfigText,
  writeKubeconfigFile,
} from './kubeconfig-file.ts'
export {
  encodeBookmark,
  encodeEvent,
  encodeList,
  encodeObject,
  encodeStatus,
  enveloped,
} from './protobuf/encode.ts'
