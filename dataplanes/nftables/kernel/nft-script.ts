import { ApplyError } from '@portolan/core'
import { SystemCommandError } from '@portolan/native/system-command'
import type { NftCommand } from './nft-command.ts'
import type { Sent } from './transport.ts'

/** Runs an nft script; its refusal is the dataplane's. */
export async function runScript(nft: NftCommand, script: string): Promise<Sent> {
  try {
    await nft.run(script)
  } catch (error) {
    if (!(error instanceof SystemCommandError)) throw error
    throw new ApplyError(`the transaction was refused: ${error.message}`, { cause: error })
  }
  return { bytes: Buffer.byteLength(script), transactions: 1 }
}
