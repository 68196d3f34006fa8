import { ApplyError } from '@portolan/core'
import { type NftCommand, NftCommandError } from './nft-command.ts'

/** Runs an nft script; its refusal is the dataplane's. */
export async function runScript(nft: NftCommand, script: string): Promise<number> {
  try {
    await nft.run(script)
  } catch (error) {
    if (!(error instanceof NftCommandError)) throw error
    throw new ApplyError(`nft refused the transaction: ${error.message}`, { cause: error })
  }
  return Buffer.byteLength(script)
}
