import { readFile } from 'node:fs/promises'
import { cachedPromtool, checkRules, evaluateRules, type Series } from '@portolan/promtool'
import test from 'ava'
import { parse } from 'yaml'
import { ownDataplanes } from '../../core/dataplane/load-dataplane.ts'
import { documentedMetrics } from '../../docs/metric-table.ts'
import { usedMetrics } from './used-metrics.ts'

const read = (name: string) => readFile(new URL(`../monitoring/${name}`, import.meta.url), 'utf8')

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly annotations: Readonly<Record<string, string>>
}

const { groups } = (parse(await read('rules.yaml')) as { spec: { groups: readonly { rules: Rule[] }[] } })
  .spec
const rules = groups.flatMap((group) => group.rules)

interface Panel {
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
}

const dashboard = JSON.parse(await read('dashboard.json')) as {
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] }
}
const targets = dashboard.panels.flatMap((panel) => panel.targets ?? [])

const metrics = await documentedMetrics(Object.keys(ownDataplanes))
const known = new Map(metrics.map((metric) => [metric.name, metric]))

/** What a scrape adds. */
const scraped = ['job', 'instance', 'node', 'le']

function unknownIn(expression: string, shown = ''): readonly string[] {
  const { metrics: names, labels } = usedMetrics(expression)
  const found = [...names].map((name) => {
    const base = name.replace(/_(?:bucket|count|sum)$/, '')
    return known.get(name) ?? (known.get(base)?.type === 'histogram' ? known.get(base) : undefined)
  })
  const ofThem = new Set([...scraped, ...found.flatMap((metric) => metric?.labels ?? [])])
  const inText = [...shown.matchAll(/\$labels\.(\w+)|\{\{(\w+)\}\}/g)].map(
    ([, one, other]) => one ?? other ?? '',
  )
  return [
    ...[...names].filter((_, index) => found[index] === undefined),
    ...[...labels, ...inText].filter((label) => !ofThem.has(label)),
  ]
}

for (const { alert, expr, annotations } of rules)
  test(`alert ${alert}: its metrics and labels are served, and it says what to do`, (t) => {
    t.deepEqual(unknownIn(expr, Object.values(annotations).join(' ')), [])
    t.true((annotations.summary?.length ?? 0) > 20 && (annotations.description?.length ?? 0) > 40)
  })

test("the dashboard's metrics and labels are served", (t) => {
  t.true(targets.length > 15)
  for (const { expr, legendFormat } of targets) t.deepEqual(unknownIn(expr, legendFormat), [], expr)
  for (const { definition } of dashboard.templating.list)
    if (definition !== undefined) t.deepEqual(unknownIn(definition), [], definition)
})

test('what is not served is found, so that the tests above can fail', (t) => {
  t.deepEqual(unknownIn('rate(portolan_no_such_total[5m])'), ['portolan_no_such_total'])
  t.deepEqual(unknownIn('sum by (service) (portolan_routes{family="IPv4"})'), ['family', 'service'])
  t.deepEqual(unknownIn('portolan_routes', '{{stage}}'), ['stage'])
})

test('panels of the dashboard lie beside one another, and say what they show', (t) => {
  for (const one of dashboard.panels) {
    t.true(one.gridPos.x + one.gridPos.w <= 24, one.title)
    if (one.type !== 'row') t.true((one.description?.length ?? 0) > 10, one.title)
    for (const other of dashboard.panels)
      t.false(other !== one && overlap(one.gridPos, other.gridPos), `${one.title} and ${other.title}`)
  }
})

function overlap(one: Panel['gridPos'], other: Panel['gridPos']): boolean {
  const apart =
    one.x + one.w <= other.x ||
    other.x + other.w <= one.x ||
    one.y + one.h <= other.y ||
    other.y + other.h <= one.y
  return !apart
}

const promtool = cachedPromtool()
const promtoolTest = promtool === undefined ? test.skip : test
if (promtool === undefined)
  test.skip("promtool: none, because setup.sh test couldn't unpack Debian's package prometheus", () => {})

promtoolTest('Prometheus takes the rules', async (t) => {
  t.deepEqual(await checkRules(promtool ?? '', groups), [])
})

const node = 'job="kube-proxy",instance="10.0.0.7:10249"'
const minutes = 60

type ValueAt = (minute: number, series: string) => number

/** A node that does what it should, for an hour. */
const good: Readonly<Record<string, ValueAt>> = {
  [`up{${node}}`]: () => 1,
  [`portolan_pending_age_seconds{${node},ip_family="IPv4"}`]: () => 0,
  [`portolan_failed_applies_in_a_row{${node},ip_family="IPv4"}`]: () => 0,
  [`portolan_source_progress_age_seconds{${node},resource="services"}`]: () => 30,
  [`kubeproxy_network_programming_duration_seconds_bucket{${node},ip_family="IPv4",le="1"}`]: (minute) =>
    minute,
  [`kubeproxy_network_programming_duration_seconds_bucket{${node},ip_family="IPv4",le="60"}`]: (minute) =>
    minute,
  [`kubeproxy_network_programming_duration_seconds_bucket{${node},ip_family="IPv4",le="+Inf"}`]: (minute) =>
    minute,
  [`portolan_degraded_routes{${node},ip_family="IPv4"}`]: () => 0,
  [`portolan_drift_found_total{${node},ip_family="IPv4"}`]: () => 1,
  [`portolan_dataplane_faults_total{${node},method="apply"}`]: () => 0,
  [`portolan_dataplane_disagreements_total{${node},ip_family="IPv4"}`]: () => 0,
  [`portolan_flow_cleanup_failures_total{${node},ip_family="IPv4"}`]: () => 1,
  [`portolan_object_problems_total{${node},kind="Service",field="spec.externalIPs"}`]: () => 4,
  [`portolan_build_info{${node},version="1",dataplane="nftables",nodejs="24"}`]: () => 1,
}

/** What of it is otherwise where an alert is due; beginnings of series. */
const bad: Readonly<Record<string, readonly [string, ValueAt]>> = {
  PortolanDown: ['up', () => 0],
  PortolanChangesWait: ['portolan_pending', () => 61],
  PortolanAppliesFail: ['portolan_failed_applies', () => 3],
  PortolanClusterStateOld: ['portolan_source_progress', () => 181],
  PortolanSlow: [
    'kubeproxy_network_programming_duration_seconds_bucket',
    (minute, series) => (series.includes('le="1"') ? 0 : minute),
  ],
  PortolanRoutesDegraded: ['portolan_degraded', () => 1],
  PortolanRulesChangedByOthers: ['portolan_drift_found', (minute) => minute],
  PortolanDataplaneFaults: ['portolan_dataplane_faults', (minute) => (minute > 55 ? 1 : 0)],
  PortolanUdpFlowsStay: ['portolan_flow_cleanup', (minute) => minute],
  PortolanObjectProblems: ['portolan_object_problems', (minute) => (minute > 30 ? 5 : 4)],
  PortolanVersionsDiffer: [
    `portolan_build_info{${node.replace('.7', '.8')},version="2",dataplane="nftables"}`,
    () => 1,
  ],
}

function seriesOf(values: Readonly<Record<string, ValueAt>>): Series[] {
  return Object.entries(values).map(([series, valueAt]) => ({
    series,
    values: Array.from({ length: minutes + 1 }, (_, minute) => valueAt(minute, series)),
  }))
}

promtoolTest('no alert is due where all is well', async (t) => {
  const expected = rules.map(({ expr }) => ({ expression: expr, samples: [] }))
  t.deepEqual(await evaluateRules(promtool ?? '', seriesOf(good), expected), [])
})

promtoolTest('each alert is due where it should be', async (t) => {
  t.deepEqual(rules.map(({ alert }) => alert).toSorted(), Object.keys(bad).toSorted())
  // A node for each of them, so that all are asked at once.
  const nodes = Object.values(bad).flatMap(([beginning, valueAt], index) => {
    const names = Object.keys(good).filter((name) => name.startsWith(beginning))
    return (names.length === 0 ? [beginning] : names).map(
      (name) => [name.replace('10.0.0.7', `10.0.1.${index}`), valueAt] as const,
    )
  })
  const expected = rules.map(({ expr }) => ({
    expression: `count(${expr}) > bool 0`,
    samples: [{ labels: '{}', value: 1 }],
  }))
  const series = seriesOf({ ...good, ...Object.fromEntries(nodes) })
  t.deepEqual(await evaluateRules(promtool ?? '', series, expected), [])
})
