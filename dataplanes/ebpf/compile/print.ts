import type { Endpoint, Frontend, ServiceRoute, Verdict } from '@portolan/core'
import { allowedSourcesOf } from '../layout/encode.ts'
import { elementText } from './element-text.ts'
import type { EbpfProgram } from './program.ts'

/** The program for a person: what becomes of which map element. */
export function print(program: EbpfProgram): string {
  const lines = [
    ...program.attach.map((what) => `attach ${what}`),
    ...program.elements.map(elementText),
    ...program.addresses.map(
      ({ set, address, present }) => `map frontends: ${present ? 'set' : 'delete'} ${set} ${address}`,
    ),
    ...program.ranges.map(
      ({ cidr, present }) => `map ranges: ${present ? 'set' : 'delete'} unallocated ${cidr}`,
    ),
    ...program.routes.flatMap(({ before, after }) => {
      if (after !== undefined) return printRoute(after, before)
      return before === undefined ? [] : [`delete service ${before.name} ${before.protocol}`]
    }),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

function printRoute(route: ServiceRoute, before: ServiceRoute | undefined): string[] {
  const { cluster, local } = route.endpoints
  const sources = allowedSourcesOf(route)
  const there = new Set(route.frontends.map(frontendText))
  return [
    `set service ${route.name} ${route.protocol}${route.affinitySeconds === undefined ? '' : ` affinity ${route.affinitySeconds} s`}`,
    `  cluster endpoints: ${list(cluster)}`,
    ...(local.length > 0 ? [`  local endpoints: ${list(local)}`] : []),
    ...(sources.length > 0 ? [`  allowed sources: ${sources.join(', ')}`] : []),
    ...route.frontends.map((frontend) => {
      const { pod, node, outside } = frontend.verdicts
      const restricted = frontend.allowedSources === undefined ? '' : ', allowed sources only'
      return `  frontend ${frontendText(frontend)}: pod ${verdictText(pod)}; node ${verdictText(node)}; outside ${verdictText(outside)}${restricted}`
    }),
    ...(before?.frontends ?? [])
      .map(frontendText)
      .filter((frontend) => !there.has(frontend))
      .map((frontend) => `  delete frontend ${frontend}`),
  ]
}

export function frontendText({ address, port }: Frontend): string {
  return address === undefined ? `node port ${port}` : endpointText({ address, port })
}

function endpointText({ address, port }: Pick<Endpoint, 'address' | 'port'>): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

function verdictText(verdict: Verdict): string {
  if (verdict.do !== 'balance') return verdict.do
  return `${verdict.over}${verdict.masquerade ? ' masqueraded' : ''}`
}

function list(endpoints: readonly Endpoint[]): string {
  return endpoints.length === 0 ? 'none' : endpoints.map(endpointText).join(' ')
}
