import { type Address, familyOf, type IpFamily } from '../../network/address.ts'
import { isLoopback, loopbackAddress } from '../../network/special-addresses.ts'
import { replaceMembers, type TouchedSets } from '../touched.ts'
import { type NodePortPolicy, nodePortAddresses, primaryAddress } from './node-addresses.ts'

export interface NodeSetsOptions {
  readonly family: IpFamily
  readonly policy: NodePortPolicy
  /** Whether NodePorts answer at loopback, where the policy has it. */
  readonly localhost: boolean
  /** The node's primary address, in place of what its Node object says. */
  readonly primary: Address | undefined
}

/**
 * The sets of a table that follow from the addresses of this node, and the address that its own packets come from. They
 * stand still until `place`.
 */
export class NodeSets {
  readonly localAddresses = new Set<Address>()
  readonly nodePortAddresses = new Set<Address>()
  readonly #options: NodeSetsOptions
  /** Those of the Node object, of both families. */
  #nodeAddresses: readonly Address[] = []
  /** Absent: not told, so those of the Node object stand in (a file as source). */
  #interfaceAddresses: ReadonlySet<Address> | undefined
  /** What the kernel held at the start, while nothing else is known. */
  #observedNodePortAddresses: readonly Address[] = []
  #isPending = false

  constructor(options: NodeSetsOptions) {
    this.#options = options
  }

  /** Whether `place` has anything to do. */
  get isPending(): boolean {
    return this.#isPending
  }

  /** @param addresses of both families, as the Node object has them */
  setNodeAddresses(addresses: readonly Address[]): void {
    this.#nodeAddresses = addresses
    this.#isPending = true
  }

  /** @param addresses of both families, as the interfaces have them */
  setInterfaceAddresses(addresses: ReadonlySet<Address>): void {
    this.#interfaceAddresses = addresses
    this.#isPending = true
  }

  /** Takes over the addresses that a predecessor left in the kernel. */
  adoptNodePortAddresses(observed: readonly Address[]): void {
    this.#observedNodePortAddresses = observed
    this.#isPending = true
  }

  /** The addresses of NodePorts follow the Node object, and there is none, or it has no address yet. */
  get isPrimaryUnknown(): boolean {
    const { policy, primary } = this.#options
    return policy.includes('primary') && primary === undefined && this.#nodeAddresses.length === 0
  }

  /** The address that the node's own packets are taken to come from (SEMANTICS 7). */
  get sourceAddress(): Address {
    return this.#primary ?? loopbackAddress(this.#options.family)
  }

  get #primary(): Address | undefined {
    const { family, primary } = this.#options
    const told = primary ?? primaryAddress(this.#nodeAddresses, family)
    if (told !== undefined || !this.isPrimaryUnknown) return told
    // A predecessor with the same policy had just this one beside what lies in its ranges.
    const [only, ...more] = this.#observedNodePortAddresses.filter(
      (address) => !isLoopback(address) && !this.#inRanges().has(address),
    )
    return more.length === 0 ? only : undefined
  }

  /** The node's addresses that the policy picks without knowing which is primary. */
  #inRanges(): ReadonlySet<Address> {
    const { family, localhost, policy } = this.#options
    return nodePortAddresses(policy, family, this.localAddresses, undefined, localhost)
  }

  /** Brings the sets up to date. */
  place(touched: TouchedSets['sets']): void {
    this.#isPending = false
    const { family, localhost, policy } = this.#options
    const all = this.#interfaceAddresses ?? this.#nodeAddresses
    const locals = new Set([...all].filter((address) => familyOf(address) === family))
    replaceMembers(this.localAddresses, locals, touched.localAddresses)
    const answering = this.isPrimaryUnknown
      ? new Set([
          ...nodePortAddresses(policy, family, locals, undefined, localhost),
          ...this.#observedNodePortAddresses.filter((address) => locals.has(address) && !isLoopback(address)),
        ])
      : nodePortAddresses(policy, family, locals, this.#primary, localhost)
    replaceMembers(this.nodePortAddresses, answering, touched.nodePortAddresses)
  }
}
