import type { Installation } from './installation.ts'
import type { Manifest } from './manifest.ts'
import { clusterName, commonLabels, metadataOf } from './metadata.ts'
import { startupTaintRule } from './startup-taint.ts'

/** One rule of the role: what the program does with a resource. */
export interface AccessRule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
  /** For the manifest's reader. */
  readonly why: string
}

/** All that `portolan run` asks of an API server; a test takes away one after the other. */
export const accessRules: readonly AccessRule[] = [
  {
    apiGroups: [''],
    resources: ['services', 'nodes'],
    verbs: ['list', 'watch'],
    why: "what to program, and this node's addresses and zone",
  },
  {
    apiGroups: ['discovery.k8s.io'],
    resources: ['endpointslices'],
    verbs: ['list', 'watch'],
    why: 'where Services lead',
  },
  {
    apiGroups: ['networking.k8s.io'],
    resources: ['servicecidrs'],
    verbs: ['list', 'watch'],
    why: 'packets to ClusterIPs that nobody has are refused or dropped (Kubernetes 1.33)',
  },
  {
    apiGroups: ['events.k8s.io'],
    resources: ['events'],
    verbs: ['create', 'patch'],
    why: 'what kubectl describe tells of the Node and of Services',
  },
]

/** The account, and what it may do. */
export function accessControl(installation: Installation): readonly Manifest[] {
  const { name: account, namespace, startupTaint } = installation
  const name = clusterName(installation)
  const granted = [...accessRules, ...(startupTaint ? [startupTaintRule] : [])]
  const apiVersion = 'rbac.authorization.k8s.io/v1'
  return [
    { object: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: metadataOf(installation) } },
    {
      object: {
        apiVersion,
        kind: 'ClusterRole',
        metadata: { name, labels: commonLabels },
        rules: granted.map(({ apiGroups, resources, verbs }) => ({ apiGroups, resources, verbs })),
      },
      comments: Object.fromEntries(granted.map(({ why }, index) => [`rules.${index}`, why])),
    },
    {
      object: {
        apiVersion,
        kind: 'ClusterRoleBinding',
        metadata: { name, labels: commonLabels },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
        subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
      },
    },
  ]
}
