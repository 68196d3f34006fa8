import { interference, type Subject } from '@portolan/conformance/convergence'
import {
  ApplyError,
  type ApplyResult,
  contractVersion,
  type Dataplane,
  type Evaluation,
  type IpFamily,
  type RoutingTable,
  type TableChange,
} from '@portolan/core'
import type { BpfObject } from '@portolan/native/libbpf'
import { capabilities } from '../capabilities.ts'
import { compile } from '../compile/compile.ts'
import { print } from '../compile/print.ts'
import type { EbpfProgram } from '../compile/program.ts'
import { reconcile } from '../compile/reconcile.ts'
import { trace } from '../explain/trace.ts'
import { applyElements } from '../kernel/apply.ts'
import { observe } from '../kernel/observe.ts'
import { TableMaps } from '../kernel/table-maps.ts'
import { bufferOf, type NodeState, nothingObserved, type ObservedState } from '../layout/observed-state.ts'
import { structs } from '../layout/structures.ts'
import { KernelModel } from './kernel-model.ts'

/** A node that stands still: what comes and goes on it is another test's. */
const node: NodeState = {
  cookie: 7n,
  podNamespaces: [8n, 9n],
  interfaces: [
    { index: 1, name: 'lo', header: 'ethernet', loopback: true, up: true, master: undefined, addresses: [] },
    {
      index: 2,
      name: 'eth0',
      header: 'ethernet',
      loopback: false,
      up: true,
      master: undefined,
      addresses: [
        Uint8Array.of(172, 20, 0, 2),
        Uint8Array.of(0xfd, 0, 1, 0x72, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2),
      ],
    },
    {
      index: 3,
      name: 'cbr0',
      header: 'ethernet',
      loopback: false,
      up: true,
      master: undefined,
      addresses: [],
    },
  ],
  ports: { first: 61_000, last: 65_535 },
}

/** What this dataplane does with its maps, without programs that are attached anywhere. */
class MapsDataplane implements Dataplane<EbpfProgram, ObservedState> {
  readonly name = 'ebpf'
  readonly contractVersion = contractVersion
  readonly capabilities = capabilities
  readonly #tables: TableMaps
  /** Milliseconds of the clock by which slots rest. */
  readonly #now: () => number

  constructor(object: BpfObject, now: () => number) {
    this.#tables = new TableMaps(object)
    this.#now = now
  }

  async probe() {
    return { usable: true, problems: [], facts: {} }
  }
  async start(): Promise<void> {}
  async stop(): Promise<void> {}
  async cleanup() {
    return { removed: [] }
  }
  async isUnchanged(): Promise<boolean> {
    return false
  }
  trace(table: RoutingTable, evaluation: Evaluation) {
    return trace(table, evaluation)
  }

  async observe(family: IpFamily): Promise<ObservedState> {
    return observe(this.#tables.object, family, node, [])
  }

  compile(change: TableChange): EbpfProgram {
    return compile(change, () => node.interfaces)
  }

  reconcile(observedState: ObservedState | undefined, table: RoutingTable): EbpfProgram {
    return reconcile(
      observedState ?? nothingObserved(table.family),
      table,
      this.#tables.leftOut[table.family],
    )
  }

  print(program: EbpfProgram): string {
    return print(program)
  }

  async apply(program: EbpfProgram): Promise<ApplyResult> {
    try {
      const { bytes, degraded } = applyElements(program, this.#tables, this.#now())
      return { operations: program.operations, bytes, degraded: [...program.degraded, ...degraded] }
    } catch (cause) {
      throw new ApplyError(cause instanceof Error ? cause.message : String(cause), { cause })
    }
  }
}

/**
 * This dataplane's maps in memory, for the convergence property.
 *
 * @param object what the dataplane gets in place of the model's maps
 */
export function modelSubject(kernel = new KernelModel(), object = kernel.object): Subject {
  let now = 0
  return {
    open: () => new MapsDataplane(object, () => now++),
    break(fault) {
      kernel.interfere = interference(fault)
    },
    // Slots that were given back rest for a while before they are given again.
    async wait() {
      now += 100_000
    },
    meaning: (observedState) => meaningOf(observedState as ObservedState),
    fresh: () => modelSubject(),
  }
}

/** The elements, with a service's frontends and endpoints in place of its number. */
function meaningOf(observedState: ObservedState): unknown {
  const { service } = structs.frontend.at
  const leading = new Map<number, string[]>()
  for (const [key, value] of observedState.frontends) {
    const number = bufferOf(value).readUInt32LE(service)
    leading.set(number, [...(leading.get(number) ?? []), hex(key)].sort())
  }
  const names = new Map(
    [...observedState.services].map(([number, { base, cluster, local, affinitySeconds }]) => {
      const lists = [
        endpointsAt(observedState.slots, base, cluster),
        endpointsAt(observedState.slots, base + cluster, local),
      ]
      return [number, JSON.stringify([leading.get(number), lists, affinitySeconds])]
    }),
  )
  const numbered = (bytes: string, at: number, number: number) =>
    `${hex(bytes.slice(0, at) + bytes.slice(at + 4))} of ${names.get(number) ?? number}`
  const { scope } = structs.range_key.at
  const { service: ofMember } = structs.member_key.at
  return {
    frontends: [...observedState.frontends]
      .map(([key, value]) => `${hex(key)} ${numbered(value, service, bufferOf(value).readUInt32LE(service))}`)
      .sort(),
    // A trie compares from the first bit on, so its numbers begin with the highest byte.
    ranges: [...observedState.ranges]
      .map((key) => numbered(key, scope, bufferOf(key).readUInt32BE(scope)))
      .sort(),
    members: [...observedState.members]
      .map((key) => numbered(key, ofMember, bufferOf(key).readUInt32LE(ofMember)))
      .sort(),
    devices: [...observedState.devices].map(([key, value]) => `${hex(key)} ${hex(value)}`).sort(),
    namespaces: [...observedState.namespaces].map(hex).sort(),
    settings: hex(observedState.settings),
  }
}

function endpointsAt(slots: Buffer, from: number, count: number): string[] {
  const { size } = structs.endpoint
  return Array.from({ length: count }, (_, index) =>
    slots.toString('hex', (from + index) * size, (from + index + 1) * size),
  ).sort()
}

function hex(bytes: string): string {
  return bufferOf(bytes).toString('hex')
}
