import { type Address, addressBytes, type IpFamily } from '@portolan/core'
import {
  findNumber,
  messageFlag,
  type NetlinkAck,
  NetlinkSocket,
  NetlinkWriter,
  readWhole,
  SystemCallError,
} from '@portolan/native'
import { addressFamily } from '@portolan/native/netfilter'
import { routingTable, rulePriority } from '../layout/marks.ts'

/** Numbers of linux/rtnetlink.h and linux/fib_rules.h. */
const netlinkRoute = 0
const message = {
  newRoute: 24,
  deleteRoute: 25,
  getRoute: 26,
  newRule: 32,
  deleteRule: 33,
  getRule: 34,
}
const routeAttribute = { destination: 1, outputInterface: 4, table: 15, mark: 16 }
const ruleAttribute = { priority: 6, mark: 10, table: 15, mask: 16 }
const localRoute = 2
const hostScope = 254
const staticProtocol = 4
const toTable = 1
/** Loopback is the first interface of every network namespace. */
const loopback = 1
/** Addresses for documentation: local only by a route such as ours. */
const elsewhere: Readonly<Record<IpFamily, Address>> = {
  IPv4: '192.0.2.1' as Address,
  IPv6: '2001:db8::1' as Address,
}
const errno = { noEntry: 2, noProcess: 3, exists: 17, notSupported: 95, familyNotSupported: 97 }
/** What the kernel says of a family that it was booted without. */
const withoutFamily: readonly number[] = [errno.notSupported, errno.familyNotSupported]

/** The rule and the route by which packets with a mark are local, by rtnetlink(7). */
export class PolicyRoute {
  readonly #socket: NetlinkSocket
  readonly #writer = new NetlinkWriter()

  constructor(networkNamespace: string | undefined) {
    this.#socket = new NetlinkSocket({
      protocol: netlinkRoute,
      ...(networkNamespace === undefined ? {} : { networkNamespace }),
      sendBufferBytes: 1 << 16,
    })
  }

  /** Asks the kernel where it would lead a packet with this mark: whether rule and route are there and in force. */
  isRouted(family: IpFamily, mark: number): boolean {
    const bytes = addressBytes(elsewhere[family])
    const start = this.#route(message.getRoute, 0, family, bytes.length * 8, 0)
    const to = this.#writer.beginAttribute(routeAttribute.destination)
    this.#writer.copy(bytes)
    this.#writer.endAttribute(to)
    this.#number(routeAttribute.mark, mark)
    this.#writer.endMessage(start)
    try {
      const { payload } = this.#socket.ask(this.#writer.bytes, (ack) => refused('look up a route', ack))
      return payload.readUInt8(7) === localRoute
    } catch (error) {
      // No route at all: a node without a default route has none for an address elsewhere.
      if (error instanceof SystemCallError) return false
      throw error
    }
  }

  add(family: IpFamily, mark: number): void {
    const route = this.#route(message.newRoute, messageFlag.create | messageFlag.ack, family, 0, localRoute)
    this.#number(routeAttribute.outputInterface, loopback)
    this.#number(routeAttribute.table, routingTable)
    this.#writer.endMessage(route)
    this.#send(`make the local route of table ${routingTable}`, [errno.exists])

    const rule = this.#rule(
      message.newRule,
      messageFlag.create | messageFlag.exclusive | messageFlag.ack,
      family,
    )
    this.#number(ruleAttribute.priority, rulePriority)
    this.#number(ruleAttribute.mark, mark)
    this.#number(ruleAttribute.mask, mark)
    this.#number(ruleAttribute.table, routingTable)
    this.#writer.endMessage(rule)
    this.#send(`make rule ${rulePriority} to table ${routingTable}`, [errno.exists])
  }

  /** Takes out our route, and every rule that leads to our table. @returns whether there was anything */
  remove(family: IpFamily): boolean {
    const rules = this.#ourRules(family)
    for (const { priority, mark, mask } of rules) {
      const start = this.#rule(message.deleteRule, messageFlag.ack, family)
      this.#number(ruleAttribute.priority, priority)
      this.#number(ruleAttribute.mark, mark)
      this.#number(ruleAttribute.mask, mask)
      this.#number(ruleAttribute.table, routingTable)
      this.#writer.endMessage(start)
      this.#send(`delete rule ${priority}`, [errno.noEntry])
    }
    const start = this.#route(message.deleteRoute, messageFlag.ack, family, 0, localRoute)
    this.#number(routeAttribute.outputInterface, loopback)
    this.#number(routeAttribute.table, routingTable)
    this.#writer.endMessage(start)
    const missing = this.#send(`delete the local route of table ${routingTable}`, [
      errno.noProcess,
      errno.noEntry,
      ...withoutFamily,
    ])
    return rules.length > 0 || !missing
  }

  close(): void {
    this.#socket.close()
  }

  #ourRules(family: IpFamily): { priority: number; mark: number; mask: number }[] {
    const start = this.#rule(message.getRule, messageFlag.dump, family)
    this.#writer.endMessage(start)
    const found = []
    for (const payload of this.#dumpRules()) {
      const attributes = payload.subarray(ruleHeaderBytes)
      const read = (type: number) => findNumber(attributes, type, 'uint32') ?? 0
      if (read(ruleAttribute.table) !== routingTable) continue
      found.push({
        priority: read(ruleAttribute.priority),
        mark: read(ruleAttribute.mark),
        mask: read(ruleAttribute.mask),
      })
    }
    return found
  }

  #dumpRules(): Buffer[] {
    try {
      // Copied, for the buffer that they are received in is used for the next ones.
      return readWhole(() =>
        [...this.#socket.dump(this.#writer.bytes, (ack) => refused('list routing rules', ack))].map(
          ({ payload }) => Buffer.from(payload),
        ),
      )
    } catch (error) {
      if (error instanceof SystemCallError && withoutFamily.includes(error.errno)) return []
      throw error
    }
  }

  /** struct rtmsg. */
  #route(type: number, flags: number, family: IpFamily, prefixLength: number, kind: number): number {
    this.#writer.reset()
    const start = this.#writer.beginMessage(type, messageFlag.request | flags)
    const scope = kind === localRoute ? hostScope : 0
    // Who deletes means a route of any origin: those that ip(8) makes are of protocol boot.
    const protocol = type === message.newRoute ? staticProtocol : 0
    for (const byte of [addressFamily[family], prefixLength, 0, 0, 0, protocol, scope, kind])
      this.#writer.uint8(byte)
    this.#writer.uint32(0)
    return start
  }

  /** struct fib_rule_hdr. */
  #rule(type: number, flags: number, family: IpFamily): number {
    this.#writer.reset()
    const start = this.#writer.beginMessage(type, messageFlag.request | flags)
    for (const byte of [addressFamily[family], 0, 0, 0, 0, 0, 0, toTable]) this.#writer.uint8(byte)
    this.#writer.uint32(0)
    return start
  }

  #number(type: number, value: number): void {
    const start = this.#writer.beginAttribute(type)
    this.#writer.uint32(value)
    this.#writer.endAttribute(start)
  }

  /** @returns whether it was refused for one of the tolerated reasons */
  #send(doing: string, tolerated: readonly number[]): boolean {
    const [error] = this.#socket.transact(this.#writer.bytes, this.#writer.sequence)
    if (error !== undefined && !tolerated.includes(error.errno)) throw refused(doing, error)
    return error !== undefined
  }
}

const ruleHeaderBytes = 12

function refused(doing: string, ack: NetlinkAck): Error {
  return new SystemCallError(doing, ack.errno)
}
