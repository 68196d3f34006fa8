export type { Clock } from '../../clock.ts'
export { CredentialConfigError, type CredentialSource, type Credentials } from './credentials.ts'
export { type KubernetesSourceOptions, kubernetesSource } from './kubernetes-source.ts'
export { defaultTimings, type Timings } from './timings.ts'
