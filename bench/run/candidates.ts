import type { Dataplane } from '@portolan/core'
import { loadDataplane, ownDataplanes } from '@portolan/core/dataplane'
import type { Host } from '@portolan/lab'
import { baselines } from '../baselines/index.ts'
import { inLab, type NamedDataplane, parseDataplaneName } from '../proxy/lab-settings.ts'
import type { Candidate } from '../results.ts'

/** A candidate, and what `--dataplane` calls it where that is something else. */
export interface NamedCandidate extends Candidate {
  readonly dataplane: NamedDataplane
  /** Versions of kernel and tools, as its probe found them. */
  readonly facts: Readonly<Record<string, string>>
}

/** All that are measured unless some are named: Portolan's own, and upstream's layouts. */
export const defaultCandidates: readonly string[] = [...Object.keys(ownDataplanes), ...Object.keys(baselines)]

/**
 * Finds out which of these run on this node. One that doesn't is told with the reason; it does not stop the others.
 *
 * @param names as `--dataplane` takes them: ours, a baseline, a package, a path, each with options if need be
 * @param callMs milliseconds that any one call may take while it is measured; absent: as in `portolan run`
 */
export async function findCandidates(
  names: readonly string[],
  node: Host,
  callMs?: number,
): Promise<NamedCandidate[]> {
  const found: NamedCandidate[] = []
  for (const name of names) found.push(await findCandidate(name, node, callMs))
  return found
}

/**
 * Whether all that were named can be had, before anything is measured: a name that is mistyped, or an option that a
 * dataplane doesn't have, is a mistake of the command line. Whether they run on this node is another question.
 *
 * @throws what loading the first bad one throws
 */
export async function checkNames(names: readonly string[]): Promise<void> {
  for (const name of names) {
    const { module, settings } = parseDataplaneName(name)
    await loadDataplane(baselines[module] ?? module, { masqueradeBit: 14, settings })
  }
}

/** Removes what a process that ended before its time has left of a dataplane. @throws what its clean-up throws */
export async function cleanUpAfter(dataplane: NamedDataplane, node: Host): Promise<void> {
  const loaded = await loadInLab(dataplane, node)
  await loaded.cleanup()
}

function loadInLab(dataplane: NamedDataplane, node: Host): Promise<Dataplane> {
  return loadDataplane(dataplane.module, {
    masqueradeBit: 14,
    networkNamespace: node.networkNamespace,
    settings: inLab(dataplane, node),
  })
}

async function findCandidate(name: string, node: Host, callMs: number | undefined): Promise<NamedCandidate> {
  const named = parseDataplaneName(name)
  const baseline = baselines[named.module]
  const kind = baseline === undefined ? 'dataplane' : 'baseline'
  const limit = callMs === undefined ? {} : { callMs }
  const dataplane = { ...named, module: baseline ?? named.module, ...limit }
  try {
    const loaded = await loadInLab(dataplane, node)
    const { usable, problems, facts } = await loaded.probe()
    const reason = problems.map(({ what, fix }) => `${what}: ${fix}`).join('; ')
    const variant = facts.variant
    return { name, dataplane, kind, usable, reason, facts, ...(variant === undefined ? {} : { variant }) }
  } catch (error) {
    return { name, dataplane, kind, usable: false, reason: describe(error), facts: {} }
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { fix } = error as { readonly fix?: unknown }
  const [line = ''] = error.message.split('\n')
  return typeof fix === 'string' ? `${line}: ${fix}` : line
}
