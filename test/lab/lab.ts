import { stat } from 'node:fs/promises'
import { Host } from './host.ts'
import type { Protocol } from './host-calls.ts'
import {
  addNamespaces,
  ipBatch,
  namespacePath,
  nextLabName,
  removeNamespaces,
  sweepDeadLabs,
} from './namespaces.ts'
import { type Family, network, podAddress } from './network.ts'
import { supportsSctp } from './sctp-socket.ts'
import { setSysctls } from './sysctls.ts'
import { timeoutsOf } from './timeouts.ts'
import {
  cables,
  configuration,
  type FixedHost,
  fixedHosts,
  type HostName,
  type PodNetwork,
} from './topology.ts'

export interface LabOptions {
  /** Local pods: 1 to 250, default 2. */
  readonly pods?: number
  /** Default `bridge`. */
  readonly podNetwork?: PodNetwork
  /** How many times as long as on a usual machine everything takes here; default 1. All waits grow with it. */
  readonly slowness?: number
}

/** One virtual node and what is around it. */
export interface Lab extends Readonly<Record<FixedHost, Host>> {
  readonly pods: readonly Host[]
  readonly hosts: readonly Host[]
  /** Whether echo servers and probes speak this protocol here: SCTP if the kernel has it. */
  supports(protocol: Protocol): boolean
  /** Takes everything down. Also happens by `await using`, and at the end of the process. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Builds a lab, after removing those whose process has died.
 *
 * @throws ExecaError when `ip` fails: it needs root (CAP_SYS_ADMIN and CAP_NET_ADMIN) and veth, bridge and IPv6
 */
export async function createLab(options: LabOptions = {}): Promise<Lab> {
  const { pods: podCount = 2, podNetwork = 'bridge', slowness = 1 } = options
  if (!Number.isInteger(podCount) || podCount < 1 || podCount > 250)
    throw new RangeError(`createLab: pods is ${podCount}, and must be a whole number from 1 to 250`)
  const timeouts = timeoutsOf(slowness)
  await sweepDeadLabs()
  // The threads of libuv's pool start here, in our own namespace: left to a host's thread, they would inherit its.
  await stat('/')

  const lab = nextLabName()
  const names: HostName[] = [
    ...fixedHosts,
    ...Array.from({ length: podCount }, (_, index): HostName => `pod${index}`),
  ]
  const namespaceOf = (host: HostName) => `${lab}-${host}`
  const namespaces = names.map(namespaceOf)
  const hosts = new Map(
    names.map((name) => [name, new Host(name, namespaceOf(name), addressesOf(name), timeouts)]),
  )

  const close = async () => {
    await Promise.all([...hosts.values()].map((host) => host.close()))
    await removeNamespaces(namespaces)
  }
  try {
    await addNamespaces(namespaces)
    for (const name of names) setSysctls(namespacePath(namespaceOf(name)), name === 'node')
    await ipBatch(cables(podCount, namespaceOf))
    await Promise.all(
      names.map((name) => ipBatch(configuration(name, podCount, podNetwork), namespaceOf(name))),
    )
  } catch (error) {
    await close()
    throw error
  }

  const host = (name: HostName): Host => {
    const found = hosts.get(name)
    if (found === undefined) throw new Error(`the lab has no host ${name}`)
    return found
  }
  return {
    node: host('node'),
    remote: host('remote'),
    outside: host('outside'),
    internet: host('internet'),
    pods: names.filter((name) => name.startsWith('pod')).map(host),
    hosts: [...hosts.values()],
    supports: (protocol) => protocol !== 'SCTP' || supportsSctp(),
    close,
    [Symbol.asyncDispose]: close,
  }
}

function addressesOf(name: HostName): Record<Family, string[]> {
  const of = (family: Family): string[] => {
    const { node, podGateway } = network[family]
    if (name === 'node') return [node.uplink, node.remote, node.internet, podGateway]
    if (name === 'outside' || name === 'remote' || name === 'internet') return [network[family][name]]
    return [podAddress(family, Number(name.slice('pod'.length)))]
  }
  return { IPv4: of('IPv4'), IPv6: of('IPv6') }
}
