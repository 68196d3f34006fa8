import { listClaims, runConformance, titleOf } from '@portolan/conformance'
import type { Check } from '../scorecard.ts'
import type { Subject } from '../subject.ts'
import type { Tell } from './failure.ts'

/**
 * The rows of one of the kit's scenarios, where another part than conformance asks them; needs root.
 *
 * @param scenario its name
 * @param waits `callMs`: milliseconds that any one call may take
 */
export async function scenarioChecks(
  scenario: string,
  subject: Subject,
  { callMs, slowness }: { readonly callMs: number; readonly slowness: number },
  tell: Tell,
): Promise<readonly Check[]> {
  const names = new Set(listClaims().flatMap((claim) => (claim.scenario === scenario ? [claim.name] : [])))
  const { rows } = await runConformance({
    ...subject,
    callMs,
    slowness,
    filter: ({ name }) => names.has(name),
    onScenario: tell,
  })
  return rows.map((row) => ({ name: titleOf(row), outcome: row.outcome, detail: row.detail }))
}
