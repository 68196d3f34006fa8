import type { IpFamily } from '@portolan/core'
import type { NetworkInterface } from '@portolan/native'
import type { RouteNumbers } from './numbers.ts'

/** Bytes as a string, one character each: what maps of JavaScript can have as a key. */
export type Bytes = string

export function bytesOf(buffer: Buffer): Bytes {
  return buffer.toString('latin1')
}

export function bufferOf(bytes: Bytes): Buffer {
  return Buffer.from(bytes, 'latin1')
}

/** A service as the maps have it: its endpoints lie in the slots from `base` on, cluster endpoints before local ones. */
export interface ObservedService {
  readonly base: number
  readonly cluster: number
  readonly local: number
  readonly affinitySeconds: number
}

export function numbersOf(service: number, { base, cluster, local }: ObservedService): RouteNumbers {
  return { service, base, count: cluster + local }
}

/** What the maps hold about the node itself, and the node as it is now. */
export interface ObservedOfNode {
  readonly devices: ReadonlyMap<Bytes, Bytes>
  readonly namespaces: ReadonlySet<Bytes>
  readonly settings: Bytes
  readonly node: NodeState
}

/** What the maps and hooks hold of one family. */
export interface ObservedState extends ObservedOfNode {
  readonly family: IpFamily
  readonly frontends: ReadonlyMap<Bytes, Bytes>
  /** Those that a frontend leads to, by number. */
  readonly services: ReadonlyMap<number, ObservedService>
  /** The slots of the map `endpoints`, one after the other, up to the last that one of the services has. */
  readonly slots: Buffer
  /** Numbers that the other family has. */
  readonly others: readonly RouteNumbers[]
  readonly ranges: ReadonlySet<Bytes>
  readonly members: ReadonlySet<Bytes>
  /** Hooks and pins that don't hold our programs, named for a person. */
  readonly detached: readonly string[]
}

/** What the programs have to know about the node besides the table. */
export interface NodeState {
  /** Cookie of the node's network namespace; 0n: not looked at. */
  readonly cookie: bigint
  /** Cookies of the pods' namespaces; absent: every namespace but the node's is a pod's. */
  readonly podNamespaces?: readonly bigint[]
  /** Those with an Ethernet header that programs are attached to. */
  readonly interfaces: readonly NetworkInterface[]
  /** Source ports of masqueraded connections. */
  readonly ports: { readonly first: number; readonly last: number }
}

export function nothingObserved(family: IpFamily): ObservedState {
  return {
    family,
    frontends: new Map(),
    services: new Map(),
    slots: Buffer.alloc(0),
    others: [],
    ranges: new Set(),
    members: new Set(),
    devices: new Map(),
    namespaces: new Set(),
    settings: '',
    detached: [],
    node: { cookie: 0n, podNamespaces: [], interfaces: [], ports: { first: 0, last: 0 } },
  }
}
