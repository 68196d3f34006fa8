import { startupTaint } from '../cluster/parse-node.ts'
import type { Installation } from './installation.ts'
import type { Manifest } from './manifest.ts'
import { clusterName, commonLabels } from './metadata.ts'

/** By the role alone each node's token could change every Node: the policy narrows it. */
export const startupTaintRule = {
  apiGroups: [''],
  resources: ['nodes'],
  verbs: ['patch'],
  why: `taking the taint ${startupTaint} off its own node, and nothing else: the ValidatingAdmissionPolicy above holds it to that`,
} as const

/** In a token that kubelet has mounted into a pod: the pod's node (Kubernetes 1.32). */
const nodeOfToken = 'authentication.kubernetes.io/node-name'

/** What an update changes by itself. */
const byItself = "['resourceVersion', 'managedFields', 'generation']"

interface Validation {
  readonly expression: string
  readonly message: string
}

/**
 * Both objects as maps (dyn), which have keys to go through, so that fields which Kubernetes is yet to have are held as
 * well.
 */
function unchanged(path: string, except: string): string {
  const [after, before] = [`dyn(object${path})`, `dyn(oldObject${path})`]
  return (
    `${after}.all(k, k in ${except} || (k in ${before} && ${after}[k] == ${before}[k])) && ` +
    `${before}.all(k, k in ${except} || k in ${after})`
  )
}

const validations: readonly Validation[] = [
  {
    expression:
      `has(request.userInfo.extra) && '${nodeOfToken}' in request.userInfo.extra && ` +
      `request.userInfo.extra['${nodeOfToken}'] == [request.name]`,
    message: 'only the Node that the pod of the token runs on',
  },
  { expression: 'oldObject != null', message: 'no Node is made' },
  {
    expression: unchanged('', "['metadata', 'spec']"),
    message: 'nothing but the taint: not the status',
  },
  { expression: unchanged('.metadata', byItself), message: 'nothing but the taint: not the metadata' },
  { expression: unchanged('.spec', "['taints']"), message: 'nothing but the taint: not the spec' },
  {
    expression:
      'variables.after.all(t, t in variables.before) && ' +
      `variables.before.all(t, t.key == '${startupTaint}' || t in variables.after)`,
    message: `no taint but ${startupTaint} is taken away, and none is set`,
  },
]

/** Holds the account to its own node's taint. Before the role, so that it is there first. */
export function startupTaintPolicy(installation: Installation): readonly Manifest[] {
  const { name, namespace } = installation
  const apiVersion = 'admissionregistration.k8s.io/v1'
  const policy = `${clusterName(installation)}-startup-taint`
  const metadata = { name: policy, labels: commonLabels }
  return [
    {
      object: {
        apiVersion,
        kind: 'ValidatingAdmissionPolicy',
        metadata,
        spec: {
          failurePolicy: 'Fail',
          matchConstraints: {
            resourceRules: [
              { apiGroups: [''], apiVersions: ['*'], operations: ['CREATE', 'UPDATE'], resources: ['nodes'] },
            ],
          },
          matchConditions: [
            {
              name: 'of-the-account',
              expression: `request.userInfo.username == 'system:serviceaccount:${namespace}:${name}'`,
            },
          ],
          variables: [
            { name: 'before', expression: 'has(oldObject.spec.taints) ? oldObject.spec.taints : []' },
            { name: 'after', expression: 'has(object.spec.taints) ? object.spec.taints : []' },
          ],
          validations,
        },
      },
      comments: {
        '': `The role below lets each node's token patch Nodes, and RBAC can't say which, nor what of them. This can: with a token taken from a node, nobody gets more than to take ${startupTaint} off that node. It needs Kubernetes 1.32, whose tokens name their node, and without such policies (before 1.30) nothing narrows the role; delete the rule from the role before you delete this.`,
      },
    },
    {
      object: {
        apiVersion,
        kind: 'ValidatingAdmissionPolicyBinding',
        metadata,
        spec: { policyName: policy, validationActions: ['Deny'] },
      },
    },
  ]
}
