import type { SliceEndpoint, SliceRecord } from '../../cluster/records.ts'
import type { Address } from '../../network/address.ts'
import type { Protocol } from '../../network/protocol.ts'

/** One endpoint of one service port, merged from all slices of the Service. */
export interface MergedEndpoint {
  readonly endpoint: SliceEndpoint
  readonly port: number
}

const noSlices: readonly SliceRecord[] = []

/**
 * The EndpointSlices of one family by Service, whether or not the Service exists: a slice may come first, and outlive
 * a Service that is made again (SEMANTICS 3). Services without slices take no memory.
 */
export class SliceCache {
  readonly #byKey = new Map<string, SliceRecord>()
  /** In the order of their keys, so that merging gives the same result whatever came first. */
  readonly #byService = new Map<string, readonly SliceRecord[]>()

  /**
   * Takes a slice that is new or changed; gives the keys of the Services whose endpoints it may have changed: none
   * for a slice that says what it said before, two for one that moved to another Service.
   */
  set(slice: SliceRecord): readonly string[] {
    const before = this.#byKey.get(slice.key)
    if (before !== undefined && sameSlice(before, slice)) return []
    if (before !== undefined) this.#detach(before)
    this.#byKey.set(slice.key, slice)
    const others = this.#byService.get(slice.serviceKey)
    if (others === undefined) this.#byService.set(slice.serviceKey, [slice])
    else {
      const at = others.findIndex((other) => other.key > slice.key)
      this.#byService.set(slice.serviceKey, others.toSpliced(at < 0 ? others.length : at, 0, slice))
    }
    return before === undefined || before.serviceKey === slice.serviceKey
      ? [slice.serviceKey]
      : [before.serviceKey, slice.serviceKey]
  }

  /** Forgets a slice; gives the key of its Service, or `undefined` for a slice that was never known. */
  remove(key: string): string | undefined {
    const slice = this.#byKey.get(key)
    if (slice === undefined) return undefined
    this.#byKey.delete(key)
    this.#detach(slice)
    return slice.serviceKey
  }

  /** The slices of a Service, in the order of their keys. */
  slicesOf(serviceKey: string): readonly SliceRecord[] {
    return this.#byService.get(serviceKey) ?? noSlices
  }

  /** How many Services are held in memory for their slices. */
  get serviceCount(): number {
    return this.#byService.size
  }

  #detach(slice: SliceRecord): void {
    const rest = this.slicesOf(slice.serviceKey).filter((other) => other.key !== slice.key)
    if (rest.length > 0) this.#byService.set(slice.serviceKey, rest)
    else this.#byService.delete(slice.serviceKey)
  }
}

/**
 * The endpoints behind one service port: those of every slice port of that name and protocol, each address and port
 * once. The port number comes from the slice, so it may differ from pod to pod (SEMANTICS 2).
 */
export function mergeSlices(
  slices: readonly SliceRecord[],
  portName: string,
  protocol: Protocol,
): readonly MergedEndpoint[] {
  const only = onlyPortOf(slices, portName, protocol)
  if (only !== undefined && areDistinct(only.slice.endpoints))
    return only.slice.endpoints.map((endpoint) => ({ endpoint, port: only.port }))
  // By port number, then address: hashing an address that is at hand costs a third of making a combined key.
  const byPort = new Map<number, Map<Address, SliceEndpoint>>()
  for (const slice of slices) {
    for (const port of slice.ports) {
      if (port.name !== portName || port.protocol !== protocol) continue
      const merged = byPort.get(port.port) ?? new Map<Address, SliceEndpoint>()
      byPort.set(port.port, merged)
      for (const endpoint of slice.endpoints) {
        const known = merged.get(endpoint.address)
        if (known === undefined || outranks(endpoint, known)) merged.set(endpoint.address, endpoint)
      }
    }
  }
  const result: MergedEndpoint[] = []
  for (const [port, merged] of byPort) {
    for (const endpoint of merged.values()) result.push({ endpoint, port })
  }
  return result
}

/** Where one port of one slice is all there is, as with most Services: it and its number. */
function onlyPortOf(
  slices: readonly SliceRecord[],
  portName: string,
  protocol: Protocol,
): { readonly slice: SliceRecord; readonly port: number } | undefined {
  let only: { readonly slice: SliceRecord; readonly port: number } | undefined
  for (const slice of slices) {
    for (const port of slice.ports) {
      if (port.name !== portName || port.protocol !== protocol) continue
      if (only !== undefined) return undefined
      only = { slice, port: port.port }
    }
  }
  return only
}

/** Up to so many are compared with each other, which makes no set of them. */
const fewEndpoints = 16

/** Whether no two have the same address. */
function areDistinct(endpoints: readonly SliceEndpoint[]): boolean {
  if (endpoints.length > fewEndpoints)
    return new Set(endpoints.map(({ address }) => address)).size === endpoints.length
  for (let index = 1; index < endpoints.length; index++) {
    const address = endpoints[index]?.address
    for (let other = 0; other < index; other++) if (endpoints[other]?.address === address) return false
  }
  return true
}

/**
 * Which of two endpoints with the same address and port counts. One that is terminating is a former user of a pod's
 * address, so it never wins over one that isn't (SEMANTICS 3). What upstream leaves open is settled by readiness,
 * then by the order of the slices' keys.
 */
function outranks(challenger: SliceEndpoint, known: SliceEndpoint): boolean {
  if (challenger.terminating !== known.terminating) return known.terminating
  if (challenger.ready !== known.ready) return challenger.ready
  return challenger.serving && !known.serving
}

/** Whether two versions of a slice give the same endpoints. The trigger time alone changes nothing. */
function sameSlice(a: SliceRecord, b: SliceRecord): boolean {
  return (
    a.serviceKey === b.serviceKey &&
    a.family === b.family &&
    sameList(
      a.ports,
      b.ports,
      (p, q) => p.name === q.name && p.protocol === q.protocol && p.port === q.port,
    ) &&
    sameList(a.endpoints, b.endpoints, sameEndpoint)
  )
}

function sameEndpoint(a: SliceEndpoint, b: SliceEndpoint): boolean {
  return (
    a.address === b.address &&
    a.ready === b.ready &&
    a.serving === b.serving &&
    a.terminating === b.terminating &&
    a.nodeName === b.nodeName &&
    sameList(a.zoneHints, b.zoneHints, Object.is) &&
    sameList(a.nodeHints, b.nodeHints, Object.is)
  )
}

function sameList<Item>(
  a: readonly Item[],
  b: readonly Item[],
  same: (a: Item, b: Item) => boolean,
): boolean {
  return (
    a.length === b.length &&
    a.every((item, index) => {
      const other = b[index]
      return other !== undefined && same(item, other)
    })
  )
}
