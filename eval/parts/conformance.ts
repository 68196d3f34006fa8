import { type ListedClaim, listClaims, type Row, runConformance, titleOf } from '@portolan/conformance'
import { EvaluationError } from '../evaluation-error.ts'
import { type Check, type Part, partOf } from '../scorecard.ts'
import type { Subject } from '../subject.ts'
import { advise } from './causes.ts'
import type { Tell } from './failure.ts'
import { rungOf } from './ladder.ts'

export interface ConformanceOptions {
  /** Only claims whose names it matches; absent: all. */
  readonly rows?: RegExp
  /** Leaves out what takes minutes. */
  readonly isQuick: boolean
  /** Milliseconds that any one call may take. */
  readonly callMs: number
  readonly slowness: number
  /** Gets the objects of a scenario with a failed row. */
  readonly keepObjects: (scenario: string, objects: readonly object[]) => void
  /** Gets the node of the first scenario with a failed row; no scenario follows. Absent: no node stays. */
  readonly keepNode?: (scenario: string, networkNamespace: string) => Promise<void>
}

/**
 * What of the kit is asked.
 *
 * @param rows names that they match; absent: all, but the long ones where it is to be quick
 * @throws EvaluationError when none matches: nothing would be asked, and nothing fail
 */
export function claimsAsked(rows: RegExp | undefined, isQuick: boolean): readonly ListedClaim[] {
  const claims = listClaims()
  if (rows === undefined) return claims.filter(({ long }) => !(isQuick && long))
  const matching = claims.filter(({ name }) => rows.test(name))
  if (matching.length > 0) return matching
  throw new EvaluationError(
    `--rows ${rows.source} matches no row of the conformance kit`,
    "take words of a row's name, as the card of a run without --rows shows them: --rows 'ClusterIP'",
  )
}

/**
 * The kit, row by row, as a ladder; needs root.
 *
 * @throws EvaluationError when no row is asked for
 */
export async function evaluateConformance(
  subject: Subject,
  options: ConformanceOptions,
  tell: Tell,
): Promise<Part> {
  const begun = performance.now()
  const claims = new Map(listClaims().map((claim) => [claim.name, claim]))
  const wanted = claimsAsked(options.rows, options.isQuick)
  const asked = wanted.filter((claim) => lackOf(claim, subject) === undefined)
  const rows: Row[] = []
  let isKept = false
  const { keepNode } = options
  const onFailedNode = async (scenario: string, networkNamespace: string) => {
    isKept = true
    await keepNode?.(scenario, networkNamespace)
  }
  await runConformance({
    ...subject,
    callMs: options.callMs,
    slowness: options.slowness,
    filter: ({ name }) => !isKept && asked.some((claim) => claim.name === name),
    onScenario: tell,
    onCase(row) {
      rows.push(row)
      if (row.outcome === 'failed') tell(`✘ ${titleOf(row)}`)
    },
    onObjects: options.keepObjects,
    ...(keepNode === undefined ? {} : { onFailedNode }),
  })
  const unasked = wanted.flatMap((claim): Check[] => {
    const lack = lackOf(claim, subject)
    return lack === undefined
      ? []
      : [{ name: claim.name, rung: rungOf(claim), outcome: 'unproved', detail: lack }]
  })
  const checks = rows.map((row): Check => {
    const claim = claims.get(row.name)
    const { outcome, detail } = row
    return { name: titleOf(row), outcome, detail, ...(claim === undefined ? {} : { rung: rungOf(claim) }) }
  })
  return partOf('conformance', [...checks, ...unasked], begun, advise(rows))
}

/** Why a claim can't be asked of this subject. */
function lackOf({ needs }: ListedClaim, { module, hooks, underTest }: Subject): string | undefined {
  if (needs === undefined) return undefined
  if (needs === 'module' ? module !== undefined : hooks?.[needs] !== undefined) return undefined
  const where =
    underTest === undefined ? 'the package has no test/under-test.ts, and --under-test names none' : underTest
  return `needs ${needs}, which only its author can give: ${where}`
}
