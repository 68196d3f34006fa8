import { type NodeVersions, readNodeVersions } from '../check/cluster-nodes.ts'
import type { HostPort } from '../check/hazards.ts'
import type { Skipped } from '../check/report.ts'
import { parseConfigDocument } from '../config/config-document.ts'
import { protocols } from '../network/protocol.ts'
import type { ApiReply, ApiRequests } from '../source/cluster-source.ts'
import type { NamedDocument } from './check-settings.ts'

/** What is asked of a cluster beside what a proxy reads. */
export interface KubeProxyInCluster {
  readonly configuration?: NamedDocument
  /** Absent: pods may not be listed. */
  readonly hostPorts?: readonly HostPort[]
  /** Absent: they could not be listed. */
  readonly nodes?: readonly NodeVersions[]
  readonly skipped: readonly Skipped[]
}

/** Milliseconds for all of it. */
const limit = 60_000

const versions = 'versions of nodes'

const configMap = 'ConfigMap kube-system/kube-proxy'

/**
 * Reads kube-proxy's configuration, where kubeadm and others put it, the host ports of pods, and what Nodes say of
 * themselves. Never throws.
 */
export async function askCluster(api: ApiRequests): Promise<KubeProxyInCluster> {
  const signal = AbortSignal.timeout(limit)
  const skipped: Skipped[] = []
  const configuration = await readConfigMap(api, signal, skipped).catch(failed(configMap, skipped))
  const hostPorts = await readHostPorts(api, signal, skipped).catch(failed('host ports of pods', skipped))
  const nodes = await readNodes(api, signal, skipped).catch(failed(versions, skipped))
  return {
    ...(nodes === undefined ? {} : { nodes }),
    ...(configuration === undefined ? {} : { configuration }),
    ...(hostPorts === undefined ? {} : { hostPorts }),
    skipped,
  }
}

function failed(what: string, skipped: Skipped[]): (error: unknown) => undefined {
  return (error) => {
    const why = error instanceof Error ? error.message : String(error)
    skipped.push({ what, why, fix: 'try again' })
    return undefined
  }
}

async function readConfigMap(
  api: ApiRequests,
  signal: AbortSignal,
  skipped: Skipped[],
): Promise<NamedDocument | undefined> {
  const fix = 'give the file that kube-proxy reads by --config, and its mode by --from-mode'
  const path = '/api/v1/namespaces/kube-system/configmaps/kube-proxy'
  const reply = await api.ask({ method: 'GET', path }, signal)
  if (reply.status !== 200) {
    const why = reply.status === 404 ? 'there is none' : refusal(reply)
    skipped.push({ what: configMap, why, fix })
    return undefined
  }
  const { data } = (reply.body ?? {}) as { readonly data?: Readonly<Record<string, unknown>> | null }
  const [key, text] =
    Object.entries(data ?? {}).find(
      ([, value]) => typeof value === 'string' && value.includes('KubeProxyConfiguration'),
    ) ?? []
  if (key === undefined || typeof text !== 'string') {
    skipped.push({ what: configMap, why: 'it holds no KubeProxyConfiguration', fix })
    return undefined
  }
  return { document: parseConfigDocument(text, `${configMap}, ${key}`), from: configMap }
}

async function readHostPorts(
  api: ApiRequests,
  signal: AbortSignal,
  skipped: Skipped[],
): Promise<readonly HostPort[] | undefined> {
  const path = '/api/v1/pods?fieldSelector=status.phase!=Succeeded,status.phase!=Failed&limit=100'
  const found: HostPort[] = []
  const refused = await eachItem(api, path, signal, (pod) => found.push(...hostPortsOf(pod as PodObject)))
  if (refused === undefined) return found
  const fix = 'let this user list pods, or look for host ports among your NodePorts yourself'
  skipped.push({ what: 'host ports of pods', why: refusal(refused), fix })
  return undefined
}

async function readNodes(
  api: ApiRequests,
  signal: AbortSignal,
  skipped: Skipped[],
): Promise<readonly NodeVersions[] | undefined> {
  const found: NodeVersions[] = []
  const take = (node: unknown): void => void found.push(readNodeVersions(node))
  const refused = await eachItem(api, '/api/v1/nodes?limit=100', signal, take)
  if (refused === undefined) return found
  skipped.push({ what: versions, why: refusal(refused), fix: 'let this user list nodes' })
  return undefined
}

/**
 * Reads a list in pages of a few hundred kilobytes: pods and Nodes are large.
 *
 * @param path with the size of a page
 * @returns the answer of a server that refuses
 */
async function eachItem(
  api: ApiRequests,
  path: string,
  signal: AbortSignal,
  take: (item: unknown) => void,
): Promise<ApiReply | undefined> {
  let token = ''
  do {
    const next = token === '' ? '' : `&continue=${encodeURIComponent(token)}`
    const reply = await api.ask({ method: 'GET', path: `${path}${next}` }, signal)
    if (reply.status !== 200) return reply
    const { items = [], metadata } = (reply.body ?? {}) as {
      readonly items?: readonly unknown[]
      readonly metadata?: { readonly continue?: string }
    }
    for (const item of items) take(item)
    token = metadata?.continue ?? ''
  } while (token !== '')
  return undefined
}

/** As much of a pod as is looked at; the API server has checked it. */
interface PodObject {
  readonly metadata?: { readonly namespace?: string; readonly name?: string }
  readonly spec?: Readonly<Partial<Record<'containers' | 'initContainers', readonly ContainerObject[]>>>
}

interface ContainerObject {
  readonly ports?: readonly { readonly hostPort?: number; readonly protocol?: string }[]
}

function hostPortsOf({ metadata, spec }: PodObject): readonly HostPort[] {
  const pod = `${metadata?.namespace ?? 'default'}/${metadata?.name ?? ''}`
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])]
  return containers.flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort: port = 0, protocol: name = 'TCP' }) => {
      const protocol = protocols.find((one) => one === name)
      return port > 0 && protocol !== undefined ? [{ pod, port, protocol }] : []
    }),
  )
}

function refusal({ status, message }: ApiReply): string {
  return message === '' ? `the API server answered ${status}` : message
}
