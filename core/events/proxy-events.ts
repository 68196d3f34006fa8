import { shownName } from '../cluster/problem-report.ts'
import type { ObjectProblem } from '../cluster/records.ts'
import type { ClusterEvent } from './cluster-event.ts'

/** A namespace or a name that the API server can know. */
const validName = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/

/** The proxy begins its work on this node; reason and action are kube-proxy's. */
export function starting(nodeName: string, version: string, dataplane: string): ClusterEvent {
  const note = `Portolan ${version} starts, with dataplane ${shownName(dataplane)}`
  return { regarding: node(nodeName), type: 'Normal', reason: 'Starting', action: 'StartKubeProxy', note }
}

/** Another program had changed our rules. `findings`: what differed, a line each. */
export function rulesRepaired(
  nodeName: string,
  dataplane: string,
  family: string,
  findings: readonly string[],
): ClusterEvent {
  const shown = findings.slice(0, 5).map((line) => shownName(line))
  const more = findings.length > shown.length ? [`and ${findings.length - shown.length} more`] : []
  const note =
    `Another program had changed the ${family} rules of dataplane ${shownName(dataplane)}; they are repaired: ` +
    [...shown, ...more].join('; ')
  return { regarding: node(nodeName), type: 'Warning', reason: 'RulesRepaired', action: 'RepairRules', note }
}

/** `rules`: what kube-proxy has on this node beside ours. */
export function kubeProxyBeside(nodeName: string, rules: readonly string[]): ClusterEvent {
  const note =
    `kube-proxy has rules on this node beside Portolan's, and both translate: ${rules.join('; ')}. Stop kube-proxy on ` +
    "this node, then run 'kube-proxy --cleanup' there"
  return {
    regarding: node(nodeName),
    type: 'Warning',
    reason: 'KubeProxyBeside',
    action: 'LookForKubeProxy',
    note,
  }
}

/** A health check node port can't be listened at; reason and action are kube-proxy's. */
export function serviceHealthCheckFailed(
  service: string,
  port: number,
  message: string,
): ClusterEvent | undefined {
  const note = `cannot listen at health check node port ${port}: ${shownName(message)}`
  const rest = { reason: 'FailedToStartServiceHealthcheck', action: 'Listen', note } as const
  const regarding = serviceOf(service)
  return regarding === undefined ? undefined : { regarding, type: 'Warning', ...rest }
}

/** healthz can't be listened at; reason and action are kube-proxy's. */
export function proxyHealthCheckFailed(nodeName: string, message: string): ClusterEvent {
  const note = `cannot serve healthz: ${shownName(message)}`
  const rest = { reason: 'FailedToStartProxierHealthcheck', action: 'StartKubeProxy', note } as const
  return { regarding: node(nodeName), type: 'Warning', ...rest }
}

/** What is wrong with a Service is told to whoever looks at it; `undefined` for other objects. */
export function objectProblem(problem: ObjectProblem): ClusterEvent | undefined {
  const { kind, object, field, value, skipped } = problem
  const regarding = kind === 'Service' ? serviceOf(object) : undefined
  if (regarding === undefined) return undefined
  const action = skipped === 'object' ? 'SkipService' : 'SkipValue'
  const note = `${field}: ${value}: ${fixWithin(regarding.namespace, problem)}`
  const rest = { reason: 'UnusableField', action, note, oncePerCluster: true } as const
  return { regarding, type: 'Warning', ...rest }
}

/** Who may read the Events of one namespace doesn't learn the names of another one's Services by them. */
function fixWithin(namespace: string, { fix, rival }: ObjectProblem): string {
  if (rival === undefined || rival.startsWith(`${namespace}/`)) return fix
  return fix.replaceAll(rival, 'a Service of another namespace')
}

function node(name: string): ClusterEvent['regarding'] {
  return { kind: 'Node', name }
}

/** @param key `namespace/name`, as far as the object has such */
function serviceOf(key: string): Extract<ClusterEvent['regarding'], { kind: 'Service' }> | undefined {
  const [namespace = '', name = '', ...more] = key.split('/')
  if (more.length > 0 || !validName.test(namespace) || !validName.test(name)) return undefined
  return { kind: 'Service', namespace, name }
}
