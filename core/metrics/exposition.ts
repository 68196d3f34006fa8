import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { Registry } from 'prom-client'

/** Metrics as a scrape is answered. */
export interface Exposition {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
}

/** What the client takes, by its headers. */
export interface Accepted {
  readonly accept?: string | undefined
  readonly acceptEncoding?: string | undefined
}

const compress = promisify(gzip)

/**
 * All metrics of a registry in the format that the client likes best: OpenMetrics 1.0 where it asks for it, else
 * Prometheus' text format; compressed where it takes that.
 */
export async function expose(registry: Registry, accepted: Accepted): Promise<Exposition> {
  const isOpen = prefersOpenMetrics(accepted.accept ?? '')
  const classic = await registry.metrics()
  const text = isOpen ? openMetrics(classic) : classic
  const type = isOpen ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE
  const headers = { 'Content-Type': type, Vary: 'Accept, Accept-Encoding' }
  if (weightOf(accepted.acceptEncoding ?? '', /^(x-)?gzip$/) === 0) return { headers, body: text }
  return { headers: { ...headers, 'Content-Encoding': 'gzip' }, body: await compress(text) }
}

function prefersOpenMetrics(accept: string): boolean {
  const open = weightOf(accept, /^application\/openmetrics-text(?!.*;version=(?!"?1\.0\.0))/)
  return open > 0 && open >= weightOf(accept, /^text\/plain/)
}

/** The largest `q` of the header's items that match, without their blanks; 0: none is acceptable. */
function weightOf(header: string, item: RegExp): number {
  const weights = header
    .toLowerCase()
    .replaceAll(/\s/g, '')
    .split(',')
    .filter((one) => item.test(one.replace(/;q=.*$/, '')))
    .map((one) => Number(/;q=([\d.]+)/.exec(one)?.[1] ?? 1))
  return Math.max(0, ...weights.filter((weight) => weight >= 0))
}

/**
 * The same in OpenMetrics, where a counter's family has no `_total` and the end is marked. prom-client can write it itself,
 * but renames its counters for good when it does.
 */
function openMetrics(classic: string): string {
  const counters = new Set<string>()
  for (const [, name = ''] of classic.matchAll(/^# TYPE (\S+)_total counter$/gm)) counters.add(name)
  const family = (line: string, kind: string, name: string): string =>
    counters.has(name) ? `# ${kind} ${name} ` : line
  const text = classic.replaceAll(/^# (HELP|TYPE) (\S+)_total /gm, family).replaceAll(/\n{2,}/g, '\n')
  return `${text.trimEnd()}\n# EOF\n`
}
