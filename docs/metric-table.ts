import type { Registry } from 'prom-client'
import { HealthcheckMetrics } from '../core/metrics/healthcheck-metrics.ts'
import { ProxyMetrics } from '../core/metrics/proxy-metrics.ts'

interface Documented {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly labels: readonly string[]
  /** Empty: all of them. */
  readonly dataplanes: readonly string[]
}

/** Whose metrics they are, by the beginning of their names, in the order of the page. */
export const metricGroups = {
  'of kube-proxy': /^kubeproxy_/,
  'of Portolan': /^portolan_/,
  'of client-go': /^rest_client_/,
  'of the process': /^(process|nodejs)_/,
  'of /metrics/slis': /^kubernetes_/,
} as const

/** All metrics that a proxy has with any of the dataplanes. */
export async function documentedMetrics(dataplanes: readonly string[]): Promise<readonly Documented[]> {
  const found = new Map<string, { documented: Documented; dataplanes: string[] }>()
  const take = (registry: Registry, dataplane: string): void => {
    for (const metric of registry.getMetricsAsArray()) {
      // The library has the names of labels; its types don't say so.
      const { labelNames } = metric as unknown as { readonly labelNames: readonly string[] }
      const { name, help, type } = metric as unknown as Omit<Documented, 'labels'>
      const labels = [...labelNames].filter((label) => label !== 'le')
      const known = found.get(name) ?? {
        documented: { name, help, type: String(type), labels, dataplanes: [] },
        dataplanes: [],
      }
      known.dataplanes.push(dataplane)
      found.set(name, known)
    }
  }
  for (const dataplane of dataplanes) {
    take(new ProxyMetrics({ version: '', dataplane }).registry, dataplane)
    take(new HealthcheckMetrics().registry, dataplane)
  }
  return [...found.values()].map(({ documented, dataplanes: those }) => ({
    ...documented,
    dataplanes: those.length === dataplanes.length ? [] : those,
  }))
}

/** A Markdown table of the metrics whose names match, a line each. */
export function metricTable(metrics: readonly Documented[], names: RegExp): string {
  const rows = metrics
    .filter(({ name }) => names.test(name))
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
    .map(({ name, type, labels, dataplanes, help }) => [
      `\`${name}\``,
      type,
      labels.map((label) => `\`${label}\``).join(', '),
      `${help}${dataplanes.length === 0 ? '' : ` Only with the dataplane ${dataplanes.join(' or ')}.`}`,
    ])
  return [['metric', 'type', 'labels', 'is'], ['---', '---', '---', '---'], ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n')
}
