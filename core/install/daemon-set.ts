import { configFolder, configPath } from './configuration.ts'
import type { Installation } from './installation.ts'
import type { Manifest } from './manifest.ts'
import { metadataOf, podLabels } from './metadata.ts'
import { type NodeAccess, nodeAccessOf } from './node-access.ts'

/** For which there is an image. */
export const architectures = ['amd64', 'arm64']

/** One pod on each node of Linux, with the least that its dataplane runs with. */
export function daemonSet(installation: Installation): Manifest {
  const access = accessOf(installation)
  const labels = podLabels(installation)
  return {
    object: {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: metadataOf(installation),
      spec: {
        selector: { matchLabels: { 'k8s-app': installation.name } },
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '10%', maxSurge: 0 } },
        minReadySeconds: 5,
        template: { metadata: { labels }, spec: podSpec(installation, access) },
      },
    },
    comments: {
      'spec.updateStrategy.rollingUpdate.maxSurge':
        'One Portolan at a time works on a node. The rules stay meanwhile, and packets go on.',
      ...prefixed('spec.template.spec', podComments(access)),
    },
  }
}

function accessOf({ dataplane, takeOver }: Installation): NodeAccess {
  const access = nodeAccessOf(dataplane, takeOver)
  if (access === undefined) throw new Error(`no manifest for dataplane ${dataplane}`)
  return access
}

function podSpec(installation: Installation, access: NodeAccess): object {
  const { name, nodeSelector, configuration } = installation
  const configMap = configuration.from === 'configMap' ? configuration.name : name
  return {
    serviceAccountName: name,
    priorityClassName: 'system-node-critical',
    hostNetwork: true,
    ...(access.hostPID === undefined ? {} : { hostPID: true }),
    enableServiceLinks: false,
    nodeSelector,
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'kubernetes.io/arch', operator: 'In', values: architectures }] },
          ],
        },
      },
    },
    tolerations: [{ operator: 'Exists' }],
    containers: [container(installation, access)],
    volumes: [
      { name: 'config', configMap: { name: configMap } },
      ...access.mounts.map((mount) => ({
        name: mount.name,
        hostPath: { path: mount.path, type: mount.type },
      })),
    ],
  }
}

function container(installation: Installation, access: NodeAccess): object {
  const { image, healthz, metricsPort } = installation
  const host = healthz.host === '' ? {} : { host: healthz.host }
  const probe = (path: string, every: object) => ({ httpGet: { path, port: 'healthz', ...host }, ...every })
  return {
    name: 'portolan',
    image,
    imagePullPolicy: 'IfNotPresent',
    command: ['portolan', 'run'],
    args: runArguments(installation),
    env: [{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
    ports: ports({ healthz: healthz.port, metrics: metricsPort }),
    startupProbe: probe('/livez', { periodSeconds: 2, failureThreshold: 60 }),
    livenessProbe: probe('/livez', { periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 }),
    readinessProbe: probe('/healthz', { periodSeconds: 5, timeoutSeconds: 5 }),
    resources: { requests: { cpu: '100m', memory: '256Mi' } },
    securityContext: {
      runAsUser: 0,
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: Object.keys(access.capabilities) },
      seccompProfile: { type: 'RuntimeDefault' },
      ...(access.appArmorUnconfined ? { appArmorProfile: { type: 'Unconfined' } } : {}),
      seLinuxOptions: { type: 'spc_t', level: 's0' },
    },
    volumeMounts: [
      { name: 'config', mountPath: configFolder(installation), readOnly: true },
      ...access.mounts.map(({ name, mountPath, readOnly }) => ({
        name,
        mountPath,
        ...(readOnly ? { readOnly } : {}),
      })),
    ],
  }
}

function ports(numbers: Readonly<Record<string, number | undefined>>): readonly object[] {
  return Object.entries(numbers).flatMap(([name, containerPort]) =>
    containerPort === undefined ? [] : [{ name, containerPort, protocol: 'TCP' }],
  )
}

/** What stands beside the file counts beside it: Portolan's own flags, and what is the node's. */
function runArguments(installation: Installation): string[] {
  const { configuration, dataplane, dataplaneOptions, ownSettings } = installation
  const own =
    configuration.from === 'options'
      ? []
      : [
          `--dataplane=${dataplane}`,
          ...Object.entries(dataplaneOptions).map(([name, value]) => `--dataplane-option=${name}=${value}`),
          ...ownSettings.map(({ flag, value }) => `--${flag}=${value}`),
        ]
  return [
    `--config=${configPath(installation)}`,
    '--hostname-override=$(NODE_NAME)',
    ...(configuration.from === 'file' && configuration.kubeconfig === ''
      ? [`--master=${configuration.apiServer}`]
      : []),
    ...own,
  ]
}

function podComments(access: NodeAccess): Readonly<Record<string, string>> {
  const capabilities = Object.entries(access.capabilities).map(([name, why]) => `${name}: ${why}.`)
  const securityContext = 'containers.0.securityContext'
  return {
    tolerations: 'Every node needs its Services, also one that is not ready, is drained or is out of memory.',
    'containers.0.resources':
      'Enough for 10,000 Services of 10 endpoints; 30,000 take 400Mi. No limit: without its proxy a node follows no change.',
    'containers.0.livenessProbe':
      'Not /healthz, which is 503 as well while the node is about to be removed, and goes on serving what it has.',
    [`${securityContext}.capabilities.add`]: capabilities.join('\n'),
    [`${securityContext}.seccompProfile`]: access.seccomp,
    ...(access.appArmorUnconfined
      ? {
          [`${securityContext}.appArmorProfile`]:
            "The runtime's profile forbids writing below /sys/fs/bpf. Kubernetes before 1.30 has no such field: there write the annotation container.apparmor.security.beta.kubernetes.io/portolan: unconfined.",
        }
      : {}),
    [`${securityContext}.seLinuxOptions`]:
      "Where SELinux is on, it keeps other containers from the node's files below.",
    ...(access.hostPID === undefined ? {} : { hostPID: `${capital(access.hostPID)}.` }),
    ...Object.fromEntries(
      access.mounts.map(({ why }, index) => [`volumes.${index + 1}`, `${capital(why)}.`]),
    ),
  }
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function prefixed(prefix: string, comments: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(comments).map(([path, text]) => [`${prefix}.${path}`, text]))
}
