export type { Clock } from '../../time/clock.ts'
export type { ApiObserver, ObservedAnswer, ObservedFailure, ObservedRequest } from './api-observer.ts'
export { ApiError } from './connection/api-error.ts'
export type { ApiResponse } from './connection/connection.ts'
export {
  CredentialConfigError,
  CredentialReadError,
  type CredentialSource,
  type Credentials,
} from './credentials/credentials.ts'
export { kubeconfigCredentials } from './credentials/kubeconfig.ts'
export { type KubernetesSourceOptions, kubernetesSource } from './kubernetes-source.ts'
export { type AnswerForms, acceptHeaders } from './requests/answer-form.ts'
export { readListBody } from './requests/api-answer.ts'
export { listPages } from './requests/list-pages.ts'
export { defaultTimings, type Timings } from './timings.ts'
