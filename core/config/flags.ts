import { type Address, type Cidr, familyOf, parseAddress, parseCidr } from '../network/address.ts'
import { loopbackAddress, unspecifiedAddress } from '../network/special-addresses.ts'
import type { NodePortPolicy } from '../table/builder/node-addresses.ts'
import { ConfigError, type ConfigProblem } from './config-error.ts'
import { parseDuration } from './duration.ts'
import type {
  ConntrackConfig,
  PodDetection,
  PodDetectionMode,
  ProxyConfig,
  ServersConfig,
  SourceConfig,
} from './proxy-config.ts'

/** The flags as written on the command line, by their long names in camel case; absent: not given. */
export interface Flags {
  readonly source?: string
  readonly kubeconfig?: string
  readonly recordingSpeed?: string
  readonly node?: string
  readonly hostnameOverride?: string
  readonly dataplane?: string
  readonly dataplaneOption?: readonly string[]
  readonly bindAddress?: string
  readonly detectLocalMode?: string
  readonly clusterCidr?: string
  readonly podBridgeInterface?: string
  readonly podInterfaceNamePrefix?: string
  readonly nodeportAddresses?: string
  readonly masqueradeAll?: boolean
  readonly masqueradeBit?: string
  readonly iptablesMasqueradeBit?: string
  readonly minSyncPeriod?: string
  readonly auditPeriod?: string
}

/** What the environment says that no flag does. */
export interface Environment {
  /** Whether the process runs in a pod: `KUBERNETES_SERVICE_HOST` is set. */
  readonly inCluster: boolean
}

const modes: readonly PodDetectionMode[] = [
  'ClusterCIDR',
  'NodeCIDR',
  'BridgeInterface',
  'InterfaceNamePrefix',
]

/** What kube-proxy's words stand for in nodePortAddresses, since 1.37. */
const nodePortRanges: Readonly<Record<string, readonly string[]>> = {
  localhost: ['127.0.0.0/8', '::1/128'],
  all: ['0.0.0.0/0', '::/0'],
}

/** Linux: 15 bytes and a closing zero. */
const maxInterfaceNameLength = 15

/**
 * Reads flags that mean what kube-proxy's flags of the same names mean (SEMANTICS 18, 19).
 *
 * @throws {ConfigError} naming every flag that can't be used.
 */
export function parseFlags(flags: Flags, environment: Environment): ProxyConfig {
  const problems: ConfigProblem[] = []
  const reader = new FlagReader(flags, problems)
  const nodeName = reader.same('node', 'hostnameOverride')?.trim()
  const bindAddress = reader.bindAddress()
  const config: ProxyConfig = {
    source: reader.source(environment),
    ...(nodeName === undefined || nodeName === '' ? {} : { nodeName }),
    dataplane: flags.dataplane ?? 'nftables',
    dataplaneSettings: readSettings(flags.dataplaneOption ?? [], problems),
    ...(bindAddress === undefined ? {} : { bindAddress }),
    podDetection: reader.podDetection(),
    nodePortAddresses: reader.nodePortAddresses(),
    masqueradeAll: flags.masqueradeAll ?? false,
    masqueradeBit: reader.masqueradeBit(),
    minSyncPeriod: reader.duration('minSyncPeriod', '--min-sync-period', 0),
    auditPeriod: reader.duration('auditPeriod', '--audit-period', 1000),
    syncPeriod: 30_000,
    proxyMode: flags.dataplane ?? 'nftables',
    localhostNodePorts: true,
    servers: standardServers(bindAddress),
    oomScoreAdj: -999,
    conntrack: standardConntrack,
    kubeProxyConfiguration: {
      apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
      kind: 'KubeProxyConfiguration',
      mode: flags.dataplane ?? 'nftables',
    },
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return config
}

/** kube-proxy's (SEMANTICS 19). */
const standardConntrack: ConntrackConfig = {
  maxPerCore: 32_768,
  min: 131_072,
  tcpEstablishedTimeout: 86_400_000,
  tcpCloseWaitTimeout: 3_600_000,
  udpTimeout: 0,
  udpStreamTimeout: 0,
  tcpBeLiberal: false,
}

/** kube-proxy's (SEMANTICS 19). */
function standardServers(bindAddress: Address | undefined): ServersConfig {
  const family = bindAddress === undefined ? 'IPv4' : familyOf(bindAddress)
  return {
    healthz: { address: unspecifiedAddress(family), port: 10_256 },
    metrics: { address: loopbackAddress(family), port: 10_249 },
    bindAddressHardFail: false,
    enableProfiling: false,
    showHiddenMetricsForVersion: '',
  }
}

/**
 * The settings of a dataplane, each written as NAME=VALUE.
 *
 * @throws {ConfigError}
 */
export function parseDataplaneSettings(options: readonly string[]): Record<string, string> {
  const problems: ConfigProblem[] = []
  const settings = readSettings(options, problems)
  if (problems.length > 0) throw new ConfigError(problems)
  return settings
}

function readSettings(options: readonly string[], problems: ConfigProblem[]): Record<string, string> {
  const settings: [string, string][] = []
  for (const option of options) {
    const equals = option.indexOf('=')
    if (equals < 1)
      problems.push({ flag: '--dataplane-option', value: option, fix: 'write it as NAME=VALUE' })
    settings.push([option.slice(0, equals), option.slice(equals + 1)])
  }
  return Object.fromEntries(settings)
}

/** Reads one flag at a time and collects what is wrong; what it returns for a wrong flag is never used. */
class FlagReader {
  readonly #flags: Flags
  readonly #problems: ConfigProblem[]

  constructor(flags: Flags, problems: ConfigProblem[]) {
    this.#flags = flags
    this.#problems = problems
  }

  source({ inCluster }: Environment): SourceConfig {
    const { source, kubeconfig, recordingSpeed } = this.#flags
    if (recordingSpeed !== undefined && source?.startsWith('recording:') !== true) {
      this.#wrong('--recording-speed', recordingSpeed, 'needs a recording to play: --source recording:PATH')
    }
    if (source !== undefined && kubeconfig !== undefined) {
      this.#wrong('--source', source, 'conflicts with --kubeconfig: give one of the two')
    }
    if (source !== undefined) {
      const [, from, path] = /^(file|recording):(.+)$/s.exec(source) ?? []
      if (from === 'recording' && path !== undefined) return { from, path, speed: this.#recordingSpeed() }
      if (path === undefined) {
        const fix = 'write it as file:PATH or recording:PATH, such as file:cluster.yaml'
        this.#wrong('--source', source, fix)
      }
      return { from: 'file', path: path ?? '' }
    }
    if (kubeconfig !== undefined) {
      if (kubeconfig === '') this.#wrong('--kubeconfig', kubeconfig, 'give the path of a kubeconfig file')
      return { from: 'kubeconfig', path: kubeconfig }
    }
    if (!inCluster) {
      this.#problems.push({
        flag: '--source',
        fix: 'no cluster to read: give --kubeconfig FILE or --source file:cluster.yaml (inside a pod neither is needed)',
      })
    }
    return { from: 'inCluster' }
  }

  #recordingSpeed(): number {
    const text = this.#flags.recordingSpeed
    if (text === undefined) return 1
    const speed = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
    if (!(speed >= 0.01 && speed <= 10_000))
      this.#wrong('--recording-speed', text, 'a factor from 0.01 to 10000, such as 1 or 10')
    return speed
  }

  /** Two names of one flag: the value of whichever is given. */
  same(
    first: 'node' | 'masqueradeBit',
    second: 'hostnameOverride' | 'iptablesMasqueradeBit',
  ): string | undefined {
    const [a, b] = [this.#flags[first], this.#flags[second]]
    if (a !== undefined && b !== undefined && a !== b) {
      this.#wrong(flagName(first), a, `conflicts with ${flagName(second)} '${b}': give one of the two`)
    }
    return a ?? b
  }

  bindAddress(): Address | undefined {
    const text = this.#flags.bindAddress
    if (text === undefined) return undefined
    const address = parseAddress(text)
    if (address === undefined) this.#wrong('--bind-address', text, 'write an IP address, such as 192.0.2.10')
    return address
  }

  podDetection(): PodDetection {
    const { detectLocalMode, podBridgeInterface, podInterfaceNamePrefix } = this.#flags
    const mode = modes.find((known) => known === (detectLocalMode || 'ClusterCIDR'))
    // Checked in every mode, as upstream does: a broken value is a mistake even where it has no effect.
    const cidrs = this.#clusterCidrs()
    switch (mode) {
      case undefined:
        this.#wrong('--detect-local-mode', detectLocalMode ?? '', `unknown; one of ${modes.join(', ')}`)
        return { mode: 'NodeCIDR' }
      case 'ClusterCIDR':
        return { mode, cidrs }
      case 'NodeCIDR':
        return { mode }
      case 'BridgeInterface':
        return { mode, name: this.#interfaceName('--pod-bridge-interface', podBridgeInterface, mode) }
      case 'InterfaceNamePrefix':
        return {
          mode,
          prefix: this.#interfaceName('--pod-interface-name-prefix', podInterfaceNamePrefix, mode),
        }
    }
  }

  nodePortAddresses(): NodePortPolicy {
    const parts = splitList(this.#flags.nodeportAddresses ?? '')
    if (parts.length === 0) return ['primary']
    return parts.flatMap((part) => {
      if (part === 'primary') return part
      const ranges = Object.hasOwn(nodePortRanges, part) ? nodePortRanges[part] : undefined
      if (ranges !== undefined) return ranges.flatMap((range) => parseCidr(range) ?? [])
      const cidr = parseCidr(part)
      if (cidr === undefined)
        this.#wrong(
          '--nodeport-addresses',
          part,
          "write a CIDR, such as 192.0.2.0/24, or one of 'primary', 'localhost', 'all'",
        )
      return cidr ?? []
    })
  }

  masqueradeBit(): number {
    const text = this.same('masqueradeBit', 'iptablesMasqueradeBit')
    if (text === undefined) return 14
    const bit = /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN
    if (!(bit >= 0 && bit <= 31)) {
      const given = this.#flags.masqueradeBit === undefined ? 'iptablesMasqueradeBit' : 'masqueradeBit'
      this.#wrong(flagName(given), text, 'write a whole number from 0 to 31, a bit of the packet mark')
    }
    return bit
  }

  duration(name: 'minSyncPeriod' | 'auditPeriod', flag: string, standard: number): number {
    const text = this.#flags[name]
    if (text === undefined) return standard
    const milliseconds = parseDuration(text)
    if (milliseconds === undefined || milliseconds > 3_600_000) {
      this.#wrong(flag, text, 'a duration up to 1h, such as 250ms, 1s or 1m30s; 0 turns it off')
    }
    return milliseconds ?? standard
  }

  /** One CIDR, or one of each family (SEMANTICS 19). */
  #clusterCidrs(): Cidr[] {
    const text = this.#flags.clusterCidr
    if (text === undefined || text === '') return []
    const cidrs = this.#cidrs('--cluster-cidr', splitList(text))
    const [first, second] = cidrs
    const dualPair = first !== undefined && second !== undefined && familyOf(first) !== familyOf(second)
    if (cidrs.length > 2 || (cidrs.length === 2 && !dualPair)) {
      this.#wrong('--cluster-cidr', text, 'give one CIDR, or a dual-stack pair: one IPv4 and one IPv6')
    }
    return cidrs
  }

  #cidrs(flag: string, parts: readonly string[]): Cidr[] {
    return parts.flatMap((part) => {
      const cidr = parseCidr(part)
      if (cidr === undefined)
        this.#wrong(flag, part, 'not a CIDR; write it as 10.244.0.0/16 or fd00:10:244::/56')
      return cidr ?? []
    })
  }

  #interfaceName(flag: string, name: string | undefined, mode: PodDetectionMode): string {
    if (name === undefined || name === '') {
      this.#problems.push({ flag, fix: `--detect-local-mode ${mode} needs it` })
      return ''
    }
    if (Buffer.byteLength(name) > maxInterfaceNameLength || /[\s/\p{Cc}"]/u.test(name)) {
      this.#wrong(
        flag,
        name,
        `not a valid interface name: at most ${maxInterfaceNameLength} bytes, no space, slash or quote`,
      )
    }
    return name
  }

  #wrong(flag: string, value: string, fix: string): void {
    this.#problems.push({ flag, value, fix })
  }
}

function flagName(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}
