import type { ValuesOf } from './field.ts'
import { processFields } from './process-fields.ts'
import { serviceFields } from './service-fields.ts'

/**
 * Every field of `kubeproxy.config.k8s.io/v1alpha1` (SEMANTICS 19), with kube-proxy's defaults but where the standing says
 * otherwise.
 */
export const kubeProxyFields = { ...processFields, ...serviceFields } as const

export type KubeProxyPath = keyof typeof kubeProxyFields

export type KubeProxyValues = ValuesOf<typeof kubeProxyFields>
