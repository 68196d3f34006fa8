import type { Installation } from './installation.ts'

/** Of everything that is installed. */
export const commonLabels = {
  'app.kubernetes.io/name': 'portolan',
  'app.kubernetes.io/component': 'service-proxy',
} as const

/** By which the DaemonSet, and whatever scrapes them, finds its pods. */
export function podLabels({ name }: Installation): Readonly<Record<string, string>> {
  return { 'k8s-app': name, ...commonLabels }
}

export function metadataOf({ name, namespace }: Installation): object {
  return { name, namespace, labels: commonLabels }
}

/**
 * The name of what is the cluster's own, such as its role, and of no namespace: another installation has another one. In
 * kube-system, where most have it, it is the installation's name alone.
 */
export function clusterName({ name, namespace }: Installation): string {
  return namespace === 'kube-system' ? name : `${name}.${namespace}`
}
