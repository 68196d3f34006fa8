import type { CleanupReport } from '@portolan/core'
import { SystemCommandError } from '@portolan/native/system-command'
import type { NftCommand } from './nft-command.ts'
import { listOurTables } from './our-tables.ts'

/**
 * Deletes our tables. All is tried, whatever fails.
 *
 * @returns also where nft or the kernel has no tables at all
 * @throws Error naming each table that stayed
 */
export async function cleanUp(nft: NftCommand): Promise<CleanupReport> {
  const removed: string[] = []
  const failures: string[] = []
  try {
    for (const { name } of await listOurTables(nft)) {
      try {
        await nft.run(`delete table ${name}\n`)
        removed.push(`table ${name}`)
      } catch (error) {
        failures.push(`delete table ${name}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  } catch (error) {
    const absent = missingMechanism(error)
    if (absent === undefined) throw error
    return { removed, absent }
  }
  if (failures.length > 0) throw new Error(failures.join('; '))
  return { removed }
}

/** Why nft can't even list: there is no such program, or nothing of the kind in the kernel. */
export function missingMechanism(error: unknown): string | undefined {
  if (!(error instanceof SystemCommandError)) return undefined
  if (error.code === 'COMMAND_NOT_FOUND') return 'nft is not installed'
  return /(protocol|operation) not supported/i.test(error.output) ? 'the kernel has no nf_tables' : undefined
}
