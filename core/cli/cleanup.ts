import { parseDataplaneSettings } from '../config/flags.ts'
import { loadDataplane } from '../dataplane/load-dataplane.ts'
import { UserError } from './user-error.ts'

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
  const { removed } = await dataplane.cleanup().catch((cause: unknown) => {
    const message = cause instanceof Error ? cause.message : String(cause)
    const rights = process.getuid?.() === 0 ? '' : 'run it as root, or with CAP_NET_ADMIN; '
    throw new UserError(`cleanup of ${dataplane.name} failed: ${message}`, {
      mend: `${rights}run it again when that is mended: what is gone already does no harm`,
      cause,
    })
  })
  for (const what of removed) console.log(`removed ${what}`)
  if (removed.length === 0) console.log(`nothing to remove: this kernel holds nothing of ${dataplane.name}`)
}
