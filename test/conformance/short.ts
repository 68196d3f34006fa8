import type { ConformanceOptions } from './run.ts'
import { scenarios } from './scenarios.ts'

/**
 * A short selection, to see whether a kernel can it: of each scenario but the long ones the first claim about each
 * feature, in one family, in turns. Everything that a dataplane does to packets is done, but not in all circumstances.
 * `PORTOLAN_KIT=whole` in the environment selects everything: `PORTOLAN_KIT=whole npx ava
 * dataplanes/ebpf/test/other-kernel.test.ts`.
 */
export function inShort(): Pick<ConformanceOptions, 'filter' | 'inTurns'> {
  if (process.env.PORTOLAN_KIT === 'whole') return {}
  return { filter: ({ name }) => selected.has(name), inTurns: true }
}

const selected = new Set(
  scenarios
    .filter(({ long = false }) => !long)
    .flatMap(({ claims }) => {
      const features = new Set(claims.map(({ feature }) => feature))
      return [...features].map((feature) => claims.find((claim) => claim.feature === feature)?.name)
    }),
)
