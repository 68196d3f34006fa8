import { release } from 'node:os'
import {
  ApplyError,
  type ApplyReport,
  addressBytes,
  type CleanupReport,
  defineDataplane,
  type ForgottenFlows,
  formatBytes,
  type Kernel,
  type ProbeReport,
  type Session,
  type UdpFlows,
} from '@portolan/core'
import { forgetStaleFlows } from '@portolan/native/netfilter'
import { tableName } from './base-rules.ts'
import { Nft } from './nft.ts'
import { compile, type ObservedState, type Program, reconcile } from './program.ts'
import { trace } from './trace.ts'

/** IPv4 by plain `nft -f`: a chain for each kind of destination that a Service has. */
export default defineDataplane({
  name: 'acme',
  capabilities: {
    families: ['IPv4'],
    protocols: ['TCP', 'UDP', 'SCTP'],
    gaps: {
      localhostNodePorts: 'TCP alone, which the core forwards itself',
      affinity: 'every connection goes to a random endpoint',
      affinityAcrossFrontends: 'every connection goes to a random endpoint',
      rejectOtherPorts: 'other ports of a ClusterIP, and ping, are dropped rather than refused',
    },
  },
  create({ masqueradeBit, networkNamespace }) {
    const mark = `0x${(2 ** masqueradeBit).toString(16)}`
    return {
      // Rules have endpoints sorted, so the table's order means nothing: there is no endpointOrder.
      compiler: {
        compile: (change): Program => compile(change, mark),
        reconcile: (observed: ObservedState | undefined, table) => reconcile(observed, table, mark),
        print: ({ commands }) => commands.map((command) => `${command}\n`).join(''),
        trace: (table, evaluation) => trace(table, evaluation, mark),
        observedSets({ elements }) {
          const keysOf = (set: string) =>
            [...elements.keys()].flatMap((id) => (id.startsWith(`${set} `) ? [id.slice(set.length + 1)] : []))
          return { nodePortAddresses: keysOf('nodeport-addresses'), serviceCidrs: keysOf('service-cidrs') }
        },
      },
      kernel: new NftKernel(networkNamespace),
    }
  },
})

/** Nothing tells cheaply whether something has changed, so there is no isUnchanged, and the core always looks. */
class NftKernel implements Kernel<Program, ObservedState> {
  readonly #nft: Nft
  readonly #networkNamespace: string | undefined

  constructor(networkNamespace: string | undefined) {
    this.#nft = new Nft(networkNamespace)
    this.#networkNamespace = networkNamespace
  }

  async probe(): Promise<ProbeReport> {
    const facts = { kernel: release() }
    try {
      const version = (await this.#nft.run(['--version'])).trim()
      return { usable: true, problems: [], facts: { ...facts, nft: version } }
    } catch (error) {
      const problem = { what: messageOf(error), fix: 'install the package nftables, and run as root' }
      return { usable: false, problems: [problem], facts }
    }
  }

  observe(): Promise<ObservedState> {
    return this.#nft.read()
  }

  async apply({ commands }: Program): Promise<ApplyReport> {
    if (commands.length === 0) return { bytes: 0 }
    try {
      return { bytes: await this.#nft.apply(commands) }
    } catch (cause) {
      throw new ApplyError(`nft refused the transaction: ${messageOf(cause)}`, { cause })
    }
  }

  forgetFlows(flows: UdpFlows, { family }: Session): Promise<ForgottenFlows> {
    return forgetStaleFlows({
      ...flows,
      family,
      addressBytes,
      formatBytes,
      networkNamespace: this.#networkNamespace,
    })
  }

  async cleanup(): Promise<CleanupReport> {
    if (!(await this.#nft.hasTable())) return { removed: [] }
    await this.#nft.apply([`delete table ip ${tableName}`])
    return { removed: [`nftables table ip ${tableName}`] }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
}
