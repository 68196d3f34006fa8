import { parseDataplaneSettings } from '../config/flags.ts'
import { loadDataplane } from '../dataplane/load-dataplane.ts'

export interface CleanupFlags {
  readonly dataplane: string
  readonly dataplaneOption?: readonly string[]
}

/** Removes what the dataplane ever made, and says what it was. */
export async function cleanup(flags: CleanupFlags): Promise<void> {
  const dataplane = await loadDataplane(flags.dataplane, {
    masqueradeBit: 14,
    settings: parseDataplaneSettings(flags.dataplaneOption ?? []),
  })
  const { removed } = await dataplane.cleanup()
  for (const what of removed) console.log(`removed ${what}`)
  if (removed.length === 0) console.log(`nothing to remove: this kernel holds nothing of ${dataplane.name}`)
}
