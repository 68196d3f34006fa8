import { accessControl } from './access-control.ts'
import { configurationMap } from './configuration.ts'
import { daemonSet } from './daemon-set.ts'
import type { Installation } from './installation.ts'
import type { Manifest } from './manifest.ts'
import { commonLabels } from './metadata.ts'
import { startupTaintPolicy } from './startup-taint.ts'

/** All that is to be applied, in an order in which each finds what it refers to. */
export function manifestsOf(installation: Installation): readonly Manifest[] {
  return [
    ...namespaceOf(installation),
    ...(installation.startupTaint ? startupTaintPolicy(installation) : []),
    ...accessControl(installation),
    ...configurationMap(installation),
    daemonSet(installation),
  ]
}

/** That of the cluster's own components is there. */
function namespaceOf({ namespace }: Installation): readonly Manifest[] {
  if (namespace === 'kube-system') return []
  const labels = { ...commonLabels, 'pod-security.kubernetes.io/enforce': 'privileged' }
  return [
    {
      object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } },
      comments: { 'metadata.labels': "The other levels of Pod Security forbid the node's network." },
    },
  ]
}
