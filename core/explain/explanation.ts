import type { Evaluation } from '../table/evaluate.ts'
import type { Reason } from '../table/explain/absent-endpoints.ts'
import { masqueradedEndpoints } from '../table/hairpin.ts'
import type { RoutingTable } from '../table/routing-table.ts'
import type { Endpoint, FrontendKind } from '../table/service-route.ts'
import type { KernelCheck } from './kernel-check.ts'

/** What `explain --json` prints; the keys and their order are a promise to scripts. */
export interface Explanation {
  readonly verdict: 'balance' | 'reject' | 'drop' | 'none'
  /** `10.244.1.10:8080`, `[fd00::10]:8080`; empty unless the verdict is balance. */
  readonly endpoints: readonly string[]
  /** Whether every connection is: also that of a Service's only endpoint to itself. */
  readonly masquerade: boolean
  /** `namespace/name:port`; null where no Service answers. */
  readonly route: string | null
  readonly frontend: FrontendKind | null
  readonly reason: string
  /** The way through the dataplane, a line a step. */
  readonly rules: readonly string[]
  /** Those of `endpoints` that see this node's address in place of the client's: all, none, or the client itself. */
  readonly masqueraded: readonly string[]
  /** What to do, where the outcome is hardly intended. */
  readonly fix: string | null
  /** With `--from kernel`: what the kernel holds of the rules; else null. */
  readonly kernel: KernelCheck | null
}

/** @param reasons joined, in their order; the fixes too, each once */
export function explanationOf(
  evaluation: Evaluation,
  table: RoutingTable,
  reasons: readonly Reason[],
  rules: readonly string[],
  kernel: KernelCheck | undefined,
): Explanation {
  const found = 'route' in evaluation ? evaluation : undefined
  const balanced = evaluation.verdict === 'balance' ? evaluation : undefined
  const endpoints = balanced?.endpoints ?? []
  const masqueraded = balanced === undefined ? [] : masqueradedEndpoints(balanced, table)
  // What the verdict itself is about comes last among the reasons, and its fix first.
  const fixes = new Set(reasons.toReversed().flatMap(({ fix }) => fix ?? []))
  return {
    verdict: evaluation.verdict,
    endpoints: endpoints.map(formatEndpoint),
    masquerade: masqueraded.length > 0 && masqueraded.length === endpoints.length,
    route: found?.route.name ?? null,
    frontend: found?.frontend.kind ?? null,
    reason: reasons.map(({ text }) => text).join('; '),
    rules,
    masqueraded: masqueraded.map(formatEndpoint),
    fix: fixes.size === 0 ? null : [...fixes].join('; '),
    kernel: kernel ?? null,
  }
}

const shownEndpoints = 20

/** The explanation for a person. */
export function describeExplanation(explanation: Explanation, { packet, sourceClass }: Evaluation): string {
  const { endpoints, fix, frontend, kernel, reason, route, rules, verdict } = explanation
  const destination = formatSocket(packet.destination, packet.port)
  const lines = [
    `${packet.source} (${sourceClass}) -> ${destination}/${packet.protocol}`,
    '',
    field('verdict', verdict === 'none' ? 'none: not touched by Portolan' : verdict),
    ...(route === null ? [] : [field('service', `${route} (${frontend})`)]),
  ]
  if (verdict === 'balance') {
    const more = endpoints.length - shownEndpoints
    const shown = endpoints.slice(0, shownEndpoints).concat(more > 0 ? [`and ${more} more`] : [])
    shown.forEach((endpoint, index) => {
      lines.push(field(index === 0 ? 'endpoints' : '', endpoint))
    })
    lines.push(field('masquerade', masqueradeText(explanation)))
  }
  lines.push(field('reason', reason))
  if (fix !== null) lines.push(field('fix', fix))
  rules.forEach((rule, index) => {
    lines.push(field(index === 0 ? 'rules' : '', rule))
    for (const what of kernel?.missing.find((one) => one.rule === rule)?.lacks ?? [])
      lines.push(field('', `  ✘ this kernel differs: ${what}`))
  })
  if (kernel !== null) lines.push(field('kernel', kernelText(kernel)))
  return lines.join('\n')
}

function kernelText({ checked, missing, unchecked }: KernelCheck): string {
  const unknown =
    unchecked.length === 0 ? '' : `; ${count(unchecked.length)} that the dataplane can't compare`
  if (checked === 0 && unchecked.length === 0) return 'nothing to compare'
  if (missing.length === 0) return `holds ${count(checked)} as they should be${unknown}`
  return `lacks or differs in ${missing.length} of ${count(checked)}${unknown}`
}

function count(steps: number): string {
  return `${steps} step${steps === 1 ? '' : 's'}`
}

function masqueradeText({ masquerade, masqueraded }: Explanation): string {
  if (masquerade) return 'yes'
  return masqueraded.length === 0
    ? 'no'
    : `no, but for ${masqueraded.join(', ')}: the client itself (hairpin)`
}

function field(name: string, value: string): string {
  return `${name.padEnd(11)} ${value}`
}

function formatEndpoint({ address, port }: Endpoint): string {
  return formatSocket(address, port)
}

function formatSocket(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
