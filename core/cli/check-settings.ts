import type { ConfigurationReport } from '../check/report.ts'
import type { ConfigDocument } from '../config/config-document.ts'
import { ConfigError } from '../config/config-error.ts'
import type { Flags } from '../config/config-flags.ts'
import { configReport } from '../config/config-report.ts'
import type { ProxyConfig } from '../config/proxy-config.ts'
import { type ResolvedConfig, resolveConfig, type Section } from '../config/resolve-config.ts'

/** A configuration and where it is from. */
export interface NamedDocument {
  readonly document: ConfigDocument
  /** A path, or `ConfigMap kube-system/kube-proxy`. */
  readonly from: string
}

/** What decides about the two sides of a comparison. */
export interface CheckedSettings {
  readonly flags: Flags
  /** kube-proxy's own, of the cluster; absent: not found, or not looked for. */
  readonly inCluster: NamedDocument | undefined
  /** What --config names; absent: nothing. */
  readonly file: NamedDocument | undefined
}

/** Flags that say which cluster to read, which is settled before. */
const sourceFlags = ['source', 'kubeconfig', 'master', 'recordingSpeed', 'config'] as const

/** A pod may name its cluster by its environment: that none is named here is no mistake. */
const anywhere = { inCluster: true } as const

/**
 * What kube-proxy runs by today: its own configuration as far as it is known, and the mode that the operator says.
 *
 * @throws {ConfigError}
 */
export function settingsToday({ flags, inCluster, file }: CheckedSettings, mode: Section): ProxyConfig {
  const { dataplane: _, dataplaneOption: __, ...own } = withoutSource(flags)
  const document = (inCluster ?? file)?.document
  if (document === undefined) return resolveConfig({ ...own, proxyMode: mode }, anywhere).config
  const given = { value: mode, text: mode, setting: 'mode' }
  const kubeProxy = new Map(document.kubeProxy).set('mode', given)
  return resolveConfig(own, anywhere, { ...document, kubeProxy, portolan: new Map(), problems: [] }).config
}

/** What Portolan would run by with a dataplane; `config` is absent where it can't be used. */
export function settingsThen(
  { flags, inCluster, file }: CheckedSettings,
  dataplane: string | undefined,
): { readonly config?: ProxyConfig; readonly report: ConfigurationReport } {
  const named = file ?? inCluster
  const from = named?.from ?? 'flags'
  const { dataplane: _, ...rest } = withoutSource(flags)
  try {
    const said = dataplane === undefined ? rest : { ...rest, dataplane }
    const resolved: ResolvedConfig = resolveConfig(said, anywhere, named?.document)
    const { ignored, differs } = configReport(resolved)
    return { config: resolved.config, report: { from, problems: [], ignored, differs } }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { report: { from, problems: error.problems, ignored: named?.document.notes ?? [], differs: [] } }
  }
}

/** The mode that a document says, as kube-proxy reads it; `undefined`: none, or one that it doesn't have. */
export function modeOf(document: ConfigDocument): Section | undefined {
  const { kubeProxy, hasKubeProxy } = document
  if (unknownMode(document) !== undefined) return undefined
  const mode = kubeProxy.get('mode')?.value
  if (mode === 'ipvs' || mode === 'nftables' || mode === 'iptables') return mode
  return hasKubeProxy && (mode === undefined || mode === '') ? 'iptables' : undefined
}

/** A mode with which kube-proxy doesn't start, such as userspace, which it had once. */
export function unknownMode({ problems }: ConfigDocument): string | undefined {
  return problems.find(({ setting }) => setting === 'mode')?.value
}

function withoutSource(flags: Flags): Flags {
  const rest: Record<string, unknown> = { ...flags }
  for (const name of sourceFlags) delete rest[name]
  return rest
}
