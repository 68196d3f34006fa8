import { release } from 'node:os'
import {
  ApplyError,
  type ApplyReport,
  type Capabilities,
  type CleanupReport,
  contractVersion,
  type Dataplane,
  type DataplaneFactory,
  type DataplaneOptions,
  type Evaluation,
  type HeldSets,
  type ProbeReport,
  type ProgramSize,
  type RoutingTable,
  type TableChange,
} from '@portolan/core'
import { contentsOfTable } from './contents.ts'
import { Nft } from './nft.ts'
import { compile, type Held, type Program, reconcile } from './program.ts'
import { tableName } from './skeleton.ts'

/** IPv4 by plain `nft -f`: a chain for each kind of destination that a Service has. docs/writing-a-dataplane.md. */
class MinimalDataplane implements Dataplane<Program, Held> {
  readonly name = 'minimal'
  readonly contractVersion = contractVersion
  readonly capabilities: Capabilities = {
    families: ['IPv4'],
    protocols: ['TCP', 'UDP', 'SCTP'],
    gaps: {
      localhostNodePorts: 'NodePorts do not answer at 127.0.0.1',
      affinity: 'every connection goes to a random endpoint',
      affinityAcrossFrontends: 'every connection goes to a random endpoint',
      rejectOtherPorts: 'other ports of a ClusterIP, and ping, are dropped rather than refused',
    },
  }
  readonly #nft: Nft
  readonly #mark: string

  constructor({ masqueradeBit, networkNamespace }: DataplaneOptions) {
    this.#nft = new Nft(networkNamespace)
    this.#mark = `0x${(2 ** masqueradeBit).toString(16)}`
  }

  async probe(): Promise<ProbeReport> {
    const facts = { kernel: release() }
    try {
      return {
        usable: true,
        problems: [],
        facts: { ...facts, nft: (await this.#nft.run(['--version'])).trim() },
      }
    } catch (error) {
      const problem = { what: messageOf(error), fix: 'install the package nftables, and run as root' }
      return { usable: false, problems: [problem], facts }
    }
  }

  async start(): Promise<void> {}

  observe(): Promise<Held> {
    return this.#nft.read()
  }

  /** Nothing tells us cheaply, so the core always looks. */
  async isUnchanged(): Promise<boolean> {
    return false
  }

  /** Rules have endpoints sorted: the table's order means nothing. */
  endpointOrder(): undefined {
    return undefined
  }

  heldSets({ elements }: Held): HeldSets {
    const keysOf = (set: string) =>
      [...elements.keys()].flatMap((id) => (id.startsWith(`${set} `) ? [id.slice(set.length + 1)] : []))
    return { nodePortAddresses: keysOf('nodeport-addresses'), serviceCidrs: keysOf('service-cidrs') }
  }

  nothingHeld(): Held {
    return { chains: new Map(), elements: new Map() }
  }

  compile(change: TableChange): Program {
    return compile(change, this.#mark)
  }

  reconcile(held: Held, table: RoutingTable): Program {
    return reconcile(held, table, this.#mark)
  }

  print(program: Program): string {
    return program.map((command) => `${command}\n`).join('')
  }

  /** The commands themselves say best what the kernel lacks. */
  measure(program: Program): ProgramSize {
    return { operations: program.length, findings: program }
  }

  async apply(program: Program): Promise<ApplyReport> {
    const bytes = Buffer.byteLength(this.print(program))
    const report = { operations: program.length, bytes, degraded: [] }
    if (program.length === 0) return report
    try {
      await this.#nft.apply(program)
    } catch (cause) {
      throw new ApplyError(`nft refused the transaction: ${messageOf(cause)}`, { cause })
    }
    return report
  }

  trace(table: RoutingTable, evaluation: Evaluation): readonly string[] {
    if (!('frontend' in evaluation)) return []
    const { frontend, packet, route, sourceClass } = evaluation
    const address = frontend.address ?? '0.0.0.0'
    const key = `from-${sourceClass} ${address} . ${packet.protocol.toLowerCase()} . ${packet.port}`
    const { chains, elements } = contentsOfTable(
      { ...table, routes: new Map([[route.key, route]]) },
      this.#mark,
    )
    const chain = elements.get(key) ?? ''
    return [`${key} : goto ${chain}`, ...(chains.get(chain) ?? []).map((rule) => `chain ${chain}: ${rule}`)]
  }

  async stop(): Promise<void> {}

  async cleanup(): Promise<CleanupReport> {
    if (!(await this.#nft.hasTable())) return { removed: [] }
    await this.#nft.apply([`delete table ip ${tableName}`])
    return { removed: [`nftables table ip ${tableName}`] }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
}

const minimal: DataplaneFactory = (options) => new MinimalDataplane(options)

export default minimal
