import { readFileSync, writeFileSync } from 'node:fs'
import { type IpFamily, sysctlPath } from '@portolan/core'
import {
  GenericNetlinkSocket,
  inNamespace,
  messageFlag,
  type NetlinkAck,
  NetlinkSocket,
  NetlinkWriter,
  readWhole,
  SystemCallError,
} from '@portolan/native'
import {
  ipsetCommand,
  NetfilterInfo,
  netlinkNetfilter,
  readIpsetCount,
  readIpsetRevision,
  writeIpsetDestroy,
  writeIpsetList,
  writeIpsetTypeRequest,
} from '@portolan/native/netfilter'
import type { Step } from '../compile/step.ts'
import type { SetElement } from '../layout/element.ts'
import { declarationOf, kernelName, type SetName, sets, setTypes } from '../layout/sets.ts'
import type { IpvsSettings } from '../layout/settings.ts'
import {
  type ObservedDestination,
  type ObservedServer,
  type ServerKey,
  type ServerPlace,
  serverKey,
  type VirtualServer,
} from '../layout/virtual-server.ts'
import { isDeclaredAs, readElements, writeCreate, writeElement } from './ipset-messages.ts'
import {
  command,
  commandOf,
  ipvsFamily,
  readDestination,
  readService,
  writeService,
  writeStep,
  writeTimeouts,
} from './ipvs-messages.ts'
import { applySteps, type BatchAnswer, isOfElements } from './netlink-steps.ts'
import { PolicyRoute } from './policy-route.ts'
import type { Applied, Transport } from './transport.ts'

const sendBufferBytes = 1024 * 1024
const errno = { noEntry: 2, noProcess: 3, exists: 17 }

/**
 * Raw netlink on long-lived sockets: generic netlink for IPVS, nfnetlink for ipsets, rtnetlink for the route. A change
 * is tens of microseconds, where starting ipvsadm costs milliseconds.
 */
export class NetlinkTransport implements Transport {
  readonly name = 'netlink'
  readonly #networkNamespace: string | undefined
  readonly #ipvs: GenericNetlinkSocket
  readonly #ipset: NetlinkSocket
  readonly #netfilter: NetfilterInfo
  readonly #routes: PolicyRoute
  readonly #writer = new NetlinkWriter()

  /**
   * @throws GenericNetlinkFamilyError when the kernel has no IPVS
   * @throws SystemCallError when a socket can't be had
   */
  constructor(networkNamespace: string | undefined) {
    this.#networkNamespace = networkNamespace
    const options = { ...(networkNamespace === undefined ? {} : { networkNamespace }), sendBufferBytes }
    this.#ipvs = new GenericNetlinkSocket(ipvsFamily, options)
    this.#ipset = new NetlinkSocket({ protocol: netlinkNetfilter, ...options })
    this.#netfilter = new NetfilterInfo(networkNamespace)
    this.#routes = new PolicyRoute(networkNamespace)
  }

  async apply(family: IpFamily, steps: readonly Step[]): Promise<Applied> {
    return applySteps(family, steps, (batch) => this.#send(family, batch))
  }

  #send(family: IpFamily, batch: readonly Step[]): BatchAnswer {
    const writer = this.#writer
    writer.reset()
    let last = 0
    for (const step of batch) {
      last = writer.length
      if (isOfElements(step)) {
        const what = step.do === 'add-element' ? ipsetCommand.add : ipsetCommand.delete
        writeElement(writer, family, what, step.set, step.element)
      } else {
        const start = this.#ipvs.beginCommand(writer, commandOf(step), 0)
        writeStep(writer, family, step)
        writer.endMessage(start)
      }
    }
    writer.addMessageFlags(last, messageFlag.ack)
    const errors = isOfElements(batch[0])
      ? this.#ipset.transact(writer.bytes, writer.sequence)
      : this.#ipvs.transact(writer)
    // Answers count messages from 1.
    return { bytes: writer.length, refused: new Map(errors.map((ack) => [ack.sequence - 1, ack.errno])) }
  }

  async readServers(family: IpFamily): Promise<VirtualServer[]> {
    this.#writer.reset()
    this.#writer.endMessage(this.#ipvs.beginCommand(this.#writer, command.getService, messageFlag.dump))
    const found = this.#listed('list virtual servers', (payload) => readService(payload, family))
    return found.map(({ place, terms }): VirtualServer => {
      const observed = this.#destinations(family, place)
      const weighing = (fits: (weight: number) => boolean) =>
        observed.filter(({ weight }) => fits(weight)).map(({ endpoint }) => endpoint)
      const misweighed = weighing((weight) => weight > 1)
      return {
        place,
        terms,
        endpoints: weighing((weight) => weight === 1),
        draining: weighing((weight) => weight === 0),
        ...(misweighed.length === 0 ? {} : { misweighed }),
      }
    })
  }

  async readServersAt(
    family: IpFamily,
    places: readonly ServerPlace[],
  ): Promise<ReadonlyMap<ServerKey, ObservedServer>> {
    const found = new Map<ServerKey, ObservedServer>()
    for (const place of places) {
      const server = this.#readServer(family, place)
      if (server !== undefined) found.set(serverKey(place), server)
    }
    return found
  }

  #readServer(family: IpFamily, place: ServerPlace): ObservedServer | undefined {
    this.#writer.reset()
    const start = this.#ipvs.beginCommand(this.#writer, command.getService, 0)
    writeService(this.#writer, family, place)
    this.#writer.endMessage(start)
    try {
      const { payload } = this.#ipvs.ask(this.#writer, refusedTo('read a virtual server'))
      const server = readService(payload, family)
      if (server === undefined) return undefined
      return { terms: server.terms, destinations: this.#destinations(family, place) }
    } catch (error) {
      if (error instanceof SystemCallError && error.errno === errno.noProcess) return undefined
      throw error
    }
  }

  #destinations(family: IpFamily, place: ServerPlace): ObservedDestination[] {
    this.#writer.reset()
    const start = this.#ipvs.beginCommand(this.#writer, command.getDestination, messageFlag.dump)
    writeService(this.#writer, family, place)
    this.#writer.endMessage(start)
    return this.#listed('list destinations', (payload) => readDestination(payload, family))
  }

  /** What is read of the answers to the dump request that the writer has, as far as it is something. */
  #listed<Read>(doing: string, read: (payload: Buffer) => Read | undefined): Read[] {
    return readWhole(() => {
      const found: Read[] = []
      for (const { payload } of this.#ipvs.dump(this.#writer, refusedTo(doing))) {
        const one = read(payload)
        if (one !== undefined) found.push(one)
      }
      return found
    })
  }

  async readSets(family: IpFamily): Promise<Map<SetName, SetElement['element'][]>> {
    const found = new Map<SetName, SetElement['element'][]>()
    for (const { name, kind } of sets) {
      const messages = this.#list(family, name, false, (payload) => ({
        isOther: isDeclaredAs(payload, family, kind) === false,
        elements: [...readElements(payload, family, kind)],
      }))
      // One of another type is as good as none: it is replaced.
      if (messages === undefined || messages.some(({ isOther }) => isOther)) continue
      found.set(
        name,
        messages.flatMap(({ elements }) => elements),
      )
    }
    return found
  }

  /** What is read of a set's listing, message by message; `undefined`: there is no such set. */
  #list<Read>(
    family: IpFamily,
    name: SetName,
    header: boolean,
    read: (payload: Buffer) => Read,
  ): Read[] | undefined {
    this.#writer.reset()
    const kernels = kernelName(family, name)
    writeIpsetList(this.#writer, family, kernels, header)
    try {
      return readWhole(() => {
        const found: Read[] = []
        for (const { payload } of this.#ipset.dump(this.#writer.bytes, refusedTo(`list ipset ${kernels}`)))
          found.push(read(payload))
        return found
      })
    } catch (error) {
      if (error instanceof SystemCallError && error.errno === errno.noEntry) return undefined
      throw error
    }
  }

  async countElements(family: IpFamily, set: SetName): Promise<number | undefined> {
    return this.#list(family, set, true, readIpsetCount)?.findLast((count) => count !== undefined)
  }

  async createSet(family: IpFamily, set: SetName): Promise<void> {
    const doing = `create ipset ${kernelName(family, set)}`
    this.#writer.reset()
    writeIpsetTypeRequest(this.#writer, family, setTypes[declarationOf(set).kind])
    const { payload } = this.#ipset.ask(this.#writer.bytes, refusedTo(doing))
    const revision = readIpsetRevision(payload) ?? 0
    const create = () => {
      this.#writer.reset()
      writeCreate(this.#writer, family, set, revision)
      const [error] = this.#ipset.transact(this.#writer.bytes, this.#writer.sequence)
      return error
    }
    let error = create()
    if (error?.errno === errno.exists) {
      // One of another type. Not before it is known to be there: to destroy waits for all of RCU, and nothing else does.
      this.#destroy(family, set)
      error = create()
    }
    if (error !== undefined) throw refusedTo(doing)(error)
  }

  async destroySets(family: IpFamily): Promise<number> {
    let count = 0
    for (const { name } of sets) if (this.#destroy(family, name)) count += 1
    return count
  }

  /** @returns whether there was such a set */
  #destroy(family: IpFamily, set: SetName): boolean {
    this.#writer.reset()
    writeIpsetDestroy(this.#writer, family, kernelName(family, set))
    const [error] = this.#ipset.transact(this.#writer.bytes, this.#writer.sequence)
    if (error === undefined) return true
    if (error.errno === errno.noEntry) return false
    throw refusedTo(`destroy ipset ${kernelName(family, set)}`)(error)
  }

  async isRouted(family: IpFamily, mark: number): Promise<boolean> {
    return this.#routes.isRouted(family, mark)
  }

  async route(family: IpFamily, mark: number): Promise<void> {
    this.#routes.remove(family)
    this.#routes.add(family, mark)
  }

  async unroute(family: IpFamily): Promise<boolean> {
    return this.#routes.remove(family)
  }

  async readSysctl(name: string): Promise<string | undefined> {
    return inNamespace(this.#networkNamespace, () => {
      try {
        return readFileSync(sysctlPath(name), 'utf8').trim()
      } catch {
        return undefined
      }
    })
  }

  async writeSysctl(name: string, value: string): Promise<void> {
    inNamespace(this.#networkNamespace, () => writeFileSync(sysctlPath(name), value))
  }

  async setTimeouts({ tcpTimeout, tcpFinTimeout, udpTimeout }: IpvsSettings): Promise<void> {
    this.#writer.reset()
    const start = this.#ipvs.beginCommand(this.#writer, command.setConfig, messageFlag.ack)
    writeTimeouts(this.#writer, tcpTimeout, tcpFinTimeout, udpTimeout)
    this.#writer.endMessage(start)
    const [error] = this.#ipvs.transact(this.#writer)
    if (error !== undefined) throw refusedTo("set IPVS's timeouts")(error)
  }

  readGeneration(): number | undefined {
    return this.#netfilter.generation()
  }

  close(): void {
    this.#ipvs.close()
    this.#ipset.close()
    this.#netfilter.close()
    this.#routes.close()
  }
}

function refusedTo(doing: string): (ack: NetlinkAck) => Error {
  return ({ errno }) => new SystemCallError(doing, errno)
}
