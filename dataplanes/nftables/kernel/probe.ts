import { release } from 'node:os'
import { isOlderVersion, type ProbeReport, type Problem } from '@portolan/core'
import { capabilityProblem } from '@portolan/native'
import { SystemCommandError } from '@portolan/native/system-command'
import { capabilities } from '../capabilities.ts'
import { type NftCommand, NftListingError } from './nft-command.ts'

const oldestNft = '1.0.1'

const fixes: Readonly<Record<SystemCommandError['code'], string>> = {
  COMMAND_NOT_FOUND: 'on Debian: apt-get install nftables',
  COMMAND_NOT_PERMITTED:
    'see that this user namespace owns the network namespace (in a Pod: hostUsers), and that no seccomp profile forbids it',
  COMMAND_FAILED: 'see that the kernel has nf_tables (CONFIG_NF_TABLES, or modprobe nf_tables)',
}

/** Whether this node can run the dataplane; asks nft for something that costs nothing. */
export async function probe(nft: NftCommand): Promise<ProbeReport> {
  const kernel = release()
  const facts: Record<string, string> = { kernel }
  const problems: Problem[] = []
  if (isOlderVersion(kernel, capabilities.kernel)) {
    problems.push({
      what: `Linux ${kernel} is older than ${capabilities.kernel}`,
      fix: 'use a newer kernel',
    })
  }
  const incapable = capabilityProblem(['CAP_NET_ADMIN'])
  if (incapable !== undefined) return { usable: false, problems: [...problems, incapable], facts }
  try {
    const version = await nft.version()
    facts.nft = version
    if (isOlderVersion(version, oldestNft)) {
      problems.push({
        what: `nft ${version} is older than ${oldestNft}`,
        fix: 'install a newer nftables package',
      })
    }
    // `list tables` would read all elements of all tables: a minute with 100,000 Services.
    await nft.list(['list', 'chains'])
  } catch (error) {
    // What can't be read shows at least that this process may ask.
    if (error instanceof NftListingError) return { usable: problems.length === 0, problems, facts }
    if (!(error instanceof SystemCommandError)) throw error
    problems.push({ what: error.message, fix: fixes[error.code] })
  }
  return { usable: problems.length === 0, problems, facts }
}
