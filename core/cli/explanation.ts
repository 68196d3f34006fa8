import type { Evaluation } from '../table/evaluate.ts'
import type { Endpoint, FrontendKind } from '../table/service-route.ts'

/** What `explain --json` prints; the keys and their order are a promise to scripts. */
export interface Explanation {
  readonly verdict: 'balance' | 'reject' | 'drop' | 'none'
  /** `10.244.1.10:8080`, `[fd00::10]:8080`; empty unless the verdict is balance. */
  readonly endpoints: readonly string[]
  readonly masquerade: boolean
  /** `namespace/name:port`; null where no Service answers. */
  readonly route: string | null
  readonly frontend: FrontendKind | null
  readonly reason: string
  /** The way through the dataplane, a line a step. */
  readonly rules: readonly string[]
}

export function explanationOf(evaluation: Evaluation, reason: string, rules: readonly string[]): Explanation {
  const found = 'route' in evaluation ? evaluation : undefined
  return {
    verdict: evaluation.verdict,
    endpoints: evaluation.verdict === 'balance' ? evaluation.endpoints.map(formatEndpoint) : [],
    masquerade: evaluation.verdict === 'balance' && evaluation.masquerade,
    route: found?.route.name ?? null,
    frontend: found?.frontend.kind ?? null,
    reason,
    rules,
  }
}

const shownEndpoints = 20

/** The explanation for a person. */
export function describeExplanation(explanation: Explanation, { packet, sourceClass }: Evaluation): string {
  const { endpoints, frontend, masquerade, reason, route, rules, verdict } = explanation
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
    lines.push(field('masquerade', masquerade ? 'yes' : 'no'))
  }
  lines.push(field('reason', reason))
  rules.forEach((rule, index) => {
    lines.push(field(index === 0 ? 'rules' : '', rule))
  })
  return lines.join('\n')
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
