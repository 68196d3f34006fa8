import type { IpFamily } from '@portolan/core'
import { createLab } from '@portolan/lab'
import { type Counterexample, findCounterexample } from '../convergence/property.ts'
import { realSubject } from '../convergence/real-subject.ts'
import { sequenceText } from '../convergence/sequence.ts'
import type { RowClaim, Verdict } from '../row.ts'
import type { Scenario } from '../scenario.ts'

const claims = {
  converges: {
    feature: 'basics',
    name: 'after any changes, failures and restarts the kernel holds what a reconciliation would write',
  },
} as const satisfies Record<string, RowClaim>

/** Sequences on the real kernel, for each family. Each takes seconds where every change starts a program. */
const sequences = 3
const changes = 8
/** Attempts to find a shorter sequence. */
const maxRuns = 20

/** No packets: what the kernel holds is compared with the table whenever something was applied. */
export const convergenceScenario: Scenario = {
  name: 'convergence',
  claims: Object.values(claims),
  long: true,
  async run({ factory, settings, families }) {
    const lab = await createLab({ pods: 1 })
    try {
      const verdicts: Verdict[] = []
      for (const family of families) {
        const found = await findCounterexample({
          subject: () => realSubject(factory, settings, lab.node.networkNamespace),
          families: [family],
          firstSeed: firstSeeds[family],
          sequences,
          changes,
          maxRuns,
        })
        const failures = found === undefined ? [] : [failure(found)]
        verdicts.push({ claim: claims.converges, family, protocol: 'any', failures })
      }
      return verdicts
    } finally {
      await lab.close()
    }
  },
}

const firstSeeds: Readonly<Record<IpFamily, number>> = { IPv4: 1, IPv6: 101 }

function failure({ seed, wrong, shortest }: Counterexample): string {
  return `seed ${seed}: ${wrong}\nafter these steps:\n${sequenceText(shortest)}`
}
