import type { RowClaim } from './row.ts'
import { scenarios } from './scenarios.ts'

/**
 * A short selection, to see whether a kernel can it: of each scenario but the long ones the first claim about each
 * feature. Everything that a dataplane does to packets is done, but not in all circumstances. `PORTOLAN_KIT=whole` in the
 * environment selects everything: `PORTOLAN_KIT=whole npx ava dataplanes/ebpf/test/other-kernel.test.ts`.
 */
export function inShort({ name }: RowClaim): boolean {
  return process.env.PORTOLAN_KIT === 'whole' || selected.has(name)
}

const selected = new Set(
  scenarios
    .filter(({ long = false }) => !long)
    .flatMap(({ claims }) => {
      const features = new Set(claims.map(({ feature }) => feature))
      return [...features].map((feature) => claims.find((claim) => claim.feature === feature)?.name)
    }),
)
