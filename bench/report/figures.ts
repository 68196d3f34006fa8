import type { BenchResults, MetricName } from '../results.ts'
import { churnLag, fallingBehind } from './churn.ts'
import { drawDotPanel } from './dot-panel.ts'
import type { Html } from './html.ts'
import { drawLinePanel, type Line, type LinePanel, sharedAxis } from './line-panel.ts'
import { describeSize, plural } from './quantity.ts'
import { scenarioName, scenariosOf } from './scenario-names.ts'
import { type Curve, type Quantile, Selection, type Size } from './selection.ts'
import { type SeriesStyle, styleAt, styleSeries } from './series-style.ts'
import { drawStagePanel } from './stage-panel.ts'

/** One or two plots that answer one question. */
export interface Figure {
  /** Its address within the page. */
  readonly id: string
  readonly title: string
  /** What it shows and how to read it. */
  readonly reading: string
  readonly scenarios: readonly string[]
  readonly panels: readonly Html[]
  /** Its panels take the whole width, one below the other. */
  readonly wide: boolean
}

/** All figures for which a run has numbers, in the order of reading. */
export function drawFigures(results: BenchResults): Figure[] {
  const context = { selection: new Selection(results), styles: styleSeries(results.dataplanes), results }
  return figures.flatMap((draw) => draw(context) ?? [])
}

interface Context {
  readonly selection: Selection
  readonly styles: ReadonlyMap<string, SeriesStyle>
  readonly results: BenchResults
}

const dotted =
  'The dotted line of the same colour is the floor: the same kernel writes with nothing around them.'

const figures: readonly ((context: Context) => Figure | undefined)[] = [
  syncLatency,
  kindsOfChange,
  firstPacketAfterChange,
  stages,
  churn,
  coldStart,
  cpu,
  memory,
  kernelWork,
  firstPacket,
  perEndpoints,
  coreAlone,
]

function syncLatency(context: Context): Figure | undefined {
  const scenario = 'endpoint-replaced'
  const panels = quantiles(context, scenario, ['eventToCommit', 'apply'])
  return figure('sync-latency', 'Sync latency: one endpoint replaced', [scenario], panels, [
    "From the event's first byte at the process until the kernel has committed the change",
    atEndpoints(context, scenario),
    'A flat line costs the same in a cluster of any size; a line that climbs one decade per decade is proportional to the cluster.',
    dotted,
    applyAlone(context, scenario, 'eventToCommit'),
  ])
}

function firstPacketAfterChange(context: Context): Figure | undefined {
  const scenario = 'endpoint-replaced'
  const panels = quantiles(context, scenario, ['eventToFirstPacket'])
  return figure('first-packet-after-change', 'From the API server to the first packet', [scenario], panels, [
    'From the write at the API server until a new connection first reaches the new endpoint',
    atEndpoints(context, scenario),
    'It is measured on the data path, in the same way for every program.',
  ])
}

function kindsOfChange({ selection, styles, results }: Context): Figure | undefined {
  const found = scenariosOf(results.results).flatMap((scenario) => {
    const size = selection.largestSize(scenario)
    if (size === undefined || scenario === 'cold-start' || scenario.startsWith('churn')) return []
    const dots = selection.candidates.flatMap((candidate) => {
      for (const metric of ['eventToCommit', 'apply', 'failureToCommit'] as const) {
        const result = selection.find(candidate.name, scenario, metric, size)
        const style = styles.get(candidate.name)
        if (result === undefined || style === undefined) continue
        const label = labelOf(candidate.name, metric === 'apply' ? 'apply' : undefined)
        return [{ candidate: candidate.name, label, style, p50: result.p50, p99: result.p99 }]
      }
      return []
    })
    return dots.length === 0 ? [] : [{ scenario, size, name: scenarioName(scenario), dots }]
  })
  if (found.length < 2) return undefined
  const panel = {
    unit: 'ms',
    across: 'from event to commit: symbol p50, end of the line p99',
    rows: found,
  } as const
  const sizes = [...new Set(found.map(({ size }) => describeSize(size.services, size.endpointsPerService)))]
  return wide(
    'kinds-of-change',
    'Every kind of change',
    found.map(({ scenario }) => scenario),
    [drawDotPanel(panel)],
    [
      `Each at the largest size that was measured (${sizes.join('; ')})`,
      'A symbol is the median, and the thin line to its right ends at p99; further left is faster.',
      'A zone label changed means that every Service is computed again, so it may cost in proportion to the cluster.',
    ],
  )
}

const stageNames = [
  ['parse', 'parse'],
  ['tableChange', 'routing table'],
  ['wait', 'wait'],
  ['compute', 'difference'],
  ['compile', 'compile'],
  ['apply', 'apply'],
] as const satisfies readonly (readonly [MetricName, string])[]

function stages({ selection }: Context): Figure | undefined {
  const scenario = 'endpoint-replaced'
  const size = selection.largestSize(scenario)
  if (size === undefined) return undefined
  const median = (name: string, metric: MetricName): number | undefined =>
    selection.find(name, scenario, metric, size)?.p50
  const inside = selection.candidates.flatMap(({ name }) => {
    const total = median(name, 'eventToCommit')
    const parts = stageNames.flatMap(([metric, stage]) => {
      const value = median(name, metric)
      return value === undefined ? [] : [{ name: stage, value }]
    })
    return total === undefined || parts.length < 2 ? [] : [{ label: name, total, stages: parts }]
  })
  const outside = selection.candidates.flatMap(({ name }) => {
    const total = median(name, 'eventToFirstPacket')
    const ours = median(name, 'eventToCommit')
    if (total === undefined || ours === undefined) return []
    const around = { name: 'API server, delivery and connect', value: Math.max(0, total - ours) }
    return [{ label: name, total, stages: [{ name: 'event to commit', value: ours }, around] }]
  })
  if (inside.length === 0) return undefined
  const panels = [
    drawStagePanel({ title: 'From event to commit', unit: 'ms', rows: inside }),
    ...(outside.length === 0
      ? []
      : [drawStagePanel({ title: 'From the API server to the first packet', unit: 'ms', rows: outside })]),
  ]
  return wide('stages', 'Where the time goes', [scenario], panels, [
    `One endpoint replaced among ${describeSize(size.services, size.endpointsPerService)}: the stages' medians as shares of their sum, in the order in which they happen, and beside the bar the median of the whole`,
    'Medians of parts need not add up to the median of the whole.',
  ])
}

function churn(context: Context): Figure | undefined {
  const { selection, styles } = context
  const found = churnLag(selection)
  if (found === undefined) return undefined
  const panelOf = (quantile: Quantile): LinePanel => ({
    title: `Lag, ${quantile}`,
    across: 'changes per second',
    unit: 'ms',
    lines: toLines(found.curves(quantile), styles, ['lag']),
  })
  const behind = fallingBehind(selection, found)
  return figure('churn', 'Steady churn', found.scenarios, drawPair([panelOf('p50'), panelOf('p99')]), [
    `From the write at the API server to the commit while changes go on, at ${describeSize(found.size.services, found.size.endpointsPerService)}`,
    'A dataplane that keeps up has a lag that does not depend on how long the churn lasts.',
    behind.length === 0
      ? 'All kept up: the lag did not grow during the run.'
      : `Did not keep up, the lag grew during the run: ${behind.join(', ')}.`,
  ])
}

function coldStart(context: Context): Figure | undefined {
  const panels = present([
    bySize(context, 'cold-start', ['listToCommit', 'apply'], 'Cold start: list to commit, p50'),
    bySize(context, 'warm-restart', ['startToProgrammed'], 'Warm restart: process start to done, p50'),
  ])
  return figure(
    'cold-start',
    'Start',
    ['cold-start', 'warm-restart'],
    panels.map((panel) => drawLinePanel(panel)),
    [
      "Left, a node without rules: from the first byte of the API server's list until the kernel holds all of them. Right, a restart on what the kernel holds, from the start of the process",
      atEndpoints(context, 'cold-start'),
      dotted,
      applyAlone(context, 'cold-start', 'listToCommit'),
    ],
  )
}

function cpu(context: Context): Figure | undefined {
  const panels = present([
    bySize(context, 'endpoint-replaced', ['cpuPerChange'], 'CPU per change'),
    bySize(context, 'cold-start', ['cpu'], 'CPU of a cold start'),
  ])
  const drawn = panels.map((panel) => drawLinePanel(panel))
  return figure('cpu', 'CPU', ['endpoint-replaced', 'cold-start'], drawn, [
    'CPU time of the process and of the tools it started, user and system together: for one endpoint replaced, and for a whole cold start',
    atEndpoints(context, 'endpoint-replaced'),
  ])
}

function memory(context: Context): Figure | undefined {
  const panels = present([
    bySize(context, 'cold-start', ['rssPeak'], 'Resident memory of the process, peak'),
    bySize(context, 'cold-start', ['kernelMemory', 'mapMemory'], "Kernel's memory for all rules"),
  ])
  return figure(
    'memory',
    'Memory',
    ['cold-start'],
    panels.map((panel) => drawLinePanel(panel)),
    [
      'What one node pays while all rules are loaded: left in the process, right in the kernel (slabs, vmalloc and per-CPU memory, so BPF maps too)',
      atEndpoints(context, 'cold-start'),
    ],
  )
}

function kernelWork(context: Context): Figure | undefined {
  const panels = present([
    bySize(context, 'endpoint-replaced', ['operations'], 'Kernel operations per change'),
    bySize(context, 'endpoint-replaced', ['bytesToKernel'], 'Bytes to the kernel per change'),
  ])
  const drawn = panels.map((panel) => drawLinePanel(panel))
  return figure('kernel-work', "The kernel's side of a change", ['endpoint-replaced'], drawn, [
    'What is sent to the kernel, or to a tool, for one endpoint replaced: medians',
    atEndpoints(context, 'endpoint-replaced'),
    'A line that climbs means that the kernel is told of more than what changed.',
  ])
}

function firstPacket(context: Context): Figure | undefined {
  const { selection, styles } = context
  const scenario = 'connect'
  const size = selection.largestSize(scenario)
  if (size === undefined) return undefined
  const positions = ['connectNone', 'connectFirst', 'connectMiddle', 'connectLast'] as const
  const curves = selection.candidates.flatMap(({ name }): Curve[] => {
    const points = positions.flatMap((metric, x) => {
      const y = selection.find(name, scenario, metric, size)?.p50
      return y === undefined ? [] : [{ x, y }]
    })
    return points.length === 0 ? [] : [{ candidate: name, metric: 'connectFirst', points, floor: [] }]
  })
  const byPosition: LinePanel = {
    title: `TCP connect, p50, ${plural(size.services, 'Service')}`,
    across: 'position of the Service',
    places: ['none', 'first', 'middle', 'last'],
    unit: 'us',
    lines: toLines(curves, styles, ['connectFirst']),
  }
  const last = bySize(context, scenario, ['connectLast'], 'TCP connect to the last Service, p50')
  const panels = present([byPosition.lines.length === 0 ? undefined : byPosition, last])
  return figure('first-packet', 'First packet against position', [scenario], drawPair(panels), [
    'A new TCP connection to a Service that comes first, in the middle and last in the order of the rules, and past all Services (none: what the path itself costs)',
    atEndpoints(context, scenario),
    'A dataplane that looks a Service up costs the same at every position; one that walks a chain costs more the later the Service comes.',
  ])
}

function perEndpoints(context: Context): Figure | undefined {
  const { selection, styles } = context
  const widest = (scenario: string): number | undefined => {
    const byServices = Map.groupBy(selection.where(scenario), (r) => r.services)
    const counted = [...byServices].map(([services, results]) => ({
      services,
      sizes: new Set(results.map((r) => r.endpointsPerService)).size,
    }))
    const best = counted.sort((a, b) => b.sizes - a.sizes || b.services - a.services)[0]
    return best === undefined || best.sizes < 2 ? undefined : best.services
  }
  const panelOf = (
    scenario: string,
    metrics: readonly MetricName[],
    title: string,
  ): LinePanel | undefined => {
    const services = widest(scenario)
    if (services === undefined) return undefined
    const lines = toLines(
      selection.byEndpoints({ scenario, metrics, quantile: 'p50' }, services),
      styles,
      metrics,
    )
    const panel = {
      title: `${title}, ${plural(services, 'Service')}`,
      across: 'endpoints per Service',
    } as const
    return lines.length === 0 ? undefined : { ...panel, unit: 'ms', lines }
  }
  const panels = present([
    panelOf('endpoint-replaced', ['eventToCommit', 'apply'], 'One endpoint replaced, p50'),
    panelOf('cold-start', ['listToCommit', 'apply'], 'Cold start, p50'),
  ])
  const drawn = panels.map((panel) => drawLinePanel(panel))
  return figure('per-endpoints', 'Endpoints per Service', ['endpoint-replaced', 'cold-start'], drawn, [
    'The same figures against the number of endpoints that each Service has',
    dotted,
  ])
}

function coreAlone({ selection }: Context): Figure | undefined {
  const endpoints = selection.usualEndpoints('core')
  const lineOf = (metric: MetricName, label: string, drawn: SeriesStyle): Line[] => {
    const points = selection
      .where('core', metric)
      .filter((r) => r.endpointsPerService === endpoints)
      .map((r) => ({ x: r.services, y: r.p50 }))
      .sort((a, b) => a.x - b.x)
    return points.length === 0 ? [] : [{ label, style: drawn, points, floor: [] }]
  }
  const load = [
    ...lineOf('listParse', 'list to records', styleAt(0)),
    ...lineOf('tableBuild', 'records to table', styleAt(1)),
  ]
  const change = lineOf('recordToChange', 'record to change', styleAt(0))
  const across = 'Services'
  const panels = present<LinePanel>([
    load.length === 0 ? undefined : { title: 'Loading everything, p50', across, unit: 'ms', lines: load },
    change.length === 0 ? undefined : { title: 'One change, p50', across, unit: 'us', lines: change },
  ])
  return figure(
    'core',
    'The core alone',
    ['core'],
    panels.map((panel) => drawLinePanel(panel)),
    [
      'What is the same for every dataplane, without a kernel: all objects from JSON text into the routing table, and one changed record into the difference that a dataplane gets',
      `Services of ${plural(endpoints, 'endpoint')} each.`,
    ],
  )
}

/** p50 and p99 beside each other, on the same vertical axis. */
function quantiles(context: Context, scenario: string, metrics: readonly MetricName[]): Html[] {
  const panels = (['p50', 'p99'] as const).map((q) => bySize(context, scenario, metrics, q, q))
  return drawPair(present(panels))
}

function drawPair(panels: readonly LinePanel[]): Html[] {
  const axis = sharedAxis(panels)
  return panels.map((panel) => drawLinePanel(panel, axis))
}

function bySize(
  { selection, styles, results }: Context,
  scenario: string,
  metrics: readonly MetricName[],
  title: string,
  quantile: Quantile = 'p50',
): LinePanel | undefined {
  const curves = selection.byServices({ scenario, metrics, quantile })
  const unit = results.results.find((r) => r.metric === curves[0]?.metric)?.unit
  if (unit === undefined) return undefined
  return { title, across: 'Services', unit, lines: toLines(curves, styles, metrics) }
}

function toLines(
  curves: readonly Curve[],
  styles: ReadonlyMap<string, SeriesStyle>,
  metrics: readonly MetricName[],
): Line[] {
  return curves.flatMap(({ candidate, metric, points, floor }) => {
    const style = styles.get(candidate)
    if (style === undefined) return []
    return [{ label: labelOf(candidate, metric === metrics[0] ? undefined : metric), style, points, floor }]
  })
}

/** A metric that stands for another one is said with the name. */
function labelOf(candidate: string, standIn: string | undefined): string {
  return standIn === undefined ? candidate : `${candidate} (${standIn})`
}

function applyAlone({ selection }: Context, scenario: string, whole: MetricName): string | undefined {
  const wholes = new Set(selection.where(scenario, whole).map((r) => r.dataplane))
  const alone = selection.where(scenario, 'apply').some((r) => !wholes.has(r.dataplane))
  return alone
    ? '(apply) marks a layout that was measured by its apply alone, with no process around it.'
    : undefined
}

function atEndpoints({ selection }: Context, scenario: string): string {
  return `Services of ${plural(selection.usualEndpoints(scenario), 'endpoint')} each.`
}

function figure(
  id: string,
  title: string,
  scenarios: readonly string[],
  panels: readonly Html[],
  sentences: readonly (string | undefined)[],
): Figure | undefined {
  if (panels.length === 0) return undefined
  const reading = present(sentences).map((sentence) => (/[.:]$/.test(sentence) ? sentence : `${sentence}.`))
  return { id, title, scenarios, panels, reading: reading.join(' '), wide: false }
}

function wide(...args: Parameters<typeof figure>): Figure | undefined {
  const drawn = figure(...args)
  return drawn === undefined ? undefined : { ...drawn, wide: true }
}

function present<T>(values: readonly (T | undefined)[]): T[] {
  return values.filter((value) => value !== undefined)
}
