import type { RowClaim } from './row.ts'
import { scenarios } from './scenarios.ts'

/**
 * A short selection: of each scenario the first claim about each feature. Everything that a dataplane does is done
 * once, so that it shows whether a kernel can it, but not in all circumstances.
 */
export function inShort({ name }: RowClaim): boolean {
  return selected.has(name)
}

const selected = new Set(
  scenarios.flatMap(({ claims }) => {
    const features = new Set(claims.map(({ feature }) => feature))
    return [...features].map((feature) => claims.find((claim) => claim.feature === feature)?.name)
  }),
)
