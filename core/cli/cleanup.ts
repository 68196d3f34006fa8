import { parseDataplaneSettings } from '../config/flags.ts'
import type { CleanupReport, DataplaneOptions } from '../dataplane/contract.ts'
import { DataplaneLoadError, loadDataplane, ownDataplanes } from '../dataplane/load-dataplane.ts'
import { oneAtATime } from '../node/one-at-a-time.ts'
import { thisProcess } from './this-process.ts'
import { UserError, usageError } from './user-error.ts'

export interface CleanupFlags {
  /** Absent: all that Portolan itself brings. */
  readonly dataplane?: string
  readonly dataplaneOption?: readonly string[]
  /** Whatever else is at work on this node. */
  readonly force?: boolean
}

/** Removes what Portolan ever made on this node, by whichever dataplane, and says what it was. */
export async function cleanup(flags: CleanupFlags): Promise<void> {
  const { dataplane: only, force = false } = flags
  if (!force)
    await oneAtATime({ ...thisProcess('cleanup'), ...(only === undefined ? {} : { dataplane: only }) })
  const failures: string[] = []
  for (const { dataplane, ...outcome } of await cleanUpNode(flags)) {
    if (outcome.failure === undefined)
      for (const line of describe(outcome)) console.log(`${dataplane}: ${line}`)
    else failures.push(outcome.failure)
  }
  if (failures.length === 0) return
  const rights = process.getuid?.() === 0 ? '' : 'run it as root, or with CAP_NET_ADMIN; '
  throw new UserError(`cleanup failed: ${failures.join('; ')}`, {
    fix: `${rights}run it again when that is fixed; what is already removed does no harm`,
  })
}

/** What became of one dataplane's leftovers. */
export interface CleanupOutcome extends CleanupReport {
  readonly dataplane: string
  /** Why not all of it could be removed. */
  readonly failure?: string
}

/** Cleans up after each dataplane, one after the other; one that fails keeps no other from being cleaned up. */
export async function cleanUpNode(flags: CleanupFlags): Promise<CleanupOutcome[]> {
  const { dataplane: named, dataplaneOption = [] } = flags
  const settings = parseDataplaneSettings(dataplaneOption)
  if (named === undefined && dataplaneOption.length > 0) {
    throw usageError('--dataplane-option: an option of which dataplane?', 'name it: --dataplane NAME')
  }
  const options: DataplaneOptions = { masqueradeBit: 14, settings }
  if (named !== undefined) return [await cleanUp(named, options)]
  const outcomes: CleanupOutcome[] = []
  for (const name of Object.keys(ownDataplanes)) {
    outcomes.push(
      await cleanUp(name, options).catch((error: unknown) => {
        // Who installs one dataplane alone has never run the others from here.
        const isMissing = error instanceof DataplaneLoadError && error.code === 'DATAPLANE_NOT_INSTALLED'
        if (!isMissing) return { dataplane: name, removed: [], failure: messageOf(error) }
        return { dataplane: name, removed: [], absent: 'its package is not installed' }
      }),
    )
  }
  return outcomes
}

/** @throws {DataplaneLoadError} */
async function cleanUp(name: string, options: DataplaneOptions): Promise<CleanupOutcome> {
  const dataplane = await loadDataplane(name, options)
  try {
    return { dataplane: dataplane.name, ...(await dataplane.cleanup()) }
  } catch (error) {
    return { dataplane: dataplane.name, removed: [], failure: messageOf(error) }
  }
}

function describe({ removed, absent }: CleanupReport): string[] {
  if (removed.length > 0) return removed.map((what) => `removed ${what}`)
  return [absent === undefined ? 'nothing to remove' : `not on this node: ${absent}`]
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
