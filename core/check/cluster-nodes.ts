import { shownName } from '../cluster/problem-report.ts'
import type { Capabilities } from '../dataplane/capabilities.ts'
import { isOlderVersion } from '../dataplane/version.ts'
import { type Finding, Findings } from './finding.ts'

/** What a Node says of its machine (`status.nodeInfo`); empty: it doesn't. */
export interface NodeVersions {
  readonly name: string
  /** `linux` or `windows` */
  readonly os: string
  /** `amd64` */
  readonly architecture: string
  /** `6.1.0-57-amd64` */
  readonly kernel: string
  /** `Debian GNU/Linux 12 (bookworm)` */
  readonly osImage: string
  readonly kubelet: string
  /** Nodes of Kubernetes 1.33 and newer no longer say it. */
  readonly kubeProxy: string
  /** `containerd://2.1.4` */
  readonly runtime: string
}

/** Nodes that say the same. */
export interface NodeGroup extends Omit<NodeVersions, 'name'> {
  readonly names: readonly string[]
}

/** Characters of one of these: the API server bounds none of them, and kubelet may write anything. */
const longest = 100

/** @param raw a Node as the API server has it */
export function readNodeVersions(raw: unknown): NodeVersions {
  const { metadata, status } = (raw ?? {}) as {
    readonly metadata?: { readonly name?: unknown }
    readonly status?: { readonly nodeInfo?: Readonly<Record<string, unknown>> }
  }
  const info = status?.nodeInfo ?? {}
  const text = (value: unknown) => (typeof value === 'string' ? shownName(value, longest) : '')
  return {
    name: text(metadata?.name),
    os: text(info.operatingSystem),
    architecture: text(info.architecture),
    kernel: text(info.kernelVersion),
    osImage: text(info.osImage),
    kubelet: text(info.kubeletVersion),
    kubeProxy: text(info.kubeProxyVersion),
    runtime: text(info.containerRuntimeVersion),
  }
}

/** The largest group first. */
export function groupNodes(nodes: readonly NodeVersions[]): readonly NodeGroup[] {
  const groups = new Map<string, { same: Omit<NodeVersions, 'name'>; names: string[] }>()
  for (const { name, ...same } of nodes) {
    const key = Object.values(same).join('\n')
    const group = groups.get(key) ?? { same, names: [] }
    groups.set(key, group)
    group.names.push(name)
  }
  return [...groups.values()]
    .map(({ same, names }) => ({ ...same, names: names.toSorted() }))
    .toSorted((one, other) => other.names.length - one.names.length)
}

/** Which nodes a dataplane can run on, as far as the version of their kernel tells. */
export interface AbleNodes {
  /** The oldest kernel that it needs; `null`: any. */
  readonly kernel: string | null
  /** Nodes of Linux that say their kernel. */
  readonly nodes: number
  /** `name (kernel)` of those whose kernel is older. */
  readonly tooOld: readonly string[]
}

export function ableNodes(nodes: readonly NodeVersions[], { kernel }: Capabilities): AbleNodes {
  const known = nodes.filter((node) => node.os === 'linux' && node.kernel !== '')
  const tooOld = kernel === undefined ? [] : known.filter((node) => isOlderVersion(node.kernel, kernel))
  return {
    kernel: kernel ?? null,
    nodes: known.length,
    tooOld: tooOld.map((node) => `${node.name} (${node.kernel})`),
  }
}

/**
 * Nodes that get no Portolan whatever the dataplane.
 *
 * @param architectures for which there is an image
 */
export function strangeNodes(
  nodes: readonly NodeVersions[],
  architectures: readonly string[],
): readonly Finding[] {
  const findings = new Findings()
  const others = nodes.filter(({ os }) => os !== '' && os !== 'linux')
  if (others.length > 0)
    findings.add({
      kind: 'other-system',
      effect: 'note',
      what: `not of Linux: ${some(others.map(({ name, os }) => `${name} (${os})`))}`,
      why: 'a dataplane is a mechanism of the Linux kernel, and the DaemonSet leaves other nodes out',
      fix: 'keep their kube-proxy',
    })
  const foreign = nodes.filter(
    ({ os, architecture }) => os === 'linux' && architecture !== '' && !architectures.includes(architecture),
  )
  if (foreign.length > 0)
    findings.add({
      kind: 'other-architecture',
      effect: 'lost',
      what: `of a processor without an image: ${some(foreign.map(({ name, architecture }) => `${name} (${architecture})`))}`,
      why: `the image and the DaemonSet are for ${architectures.join(' and ')}`,
      fix: 'keep kube-proxy there, by the label kubernetes.io/arch',
    })
  return findings.list
}

const shown = 5

/** The first of them, and how many more there are. */
export function some(names: readonly string[]): string {
  const rest = names.length - shown
  return `${names.slice(0, shown).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}
