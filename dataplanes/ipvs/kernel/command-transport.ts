import { ApplyError, type IpFamily } from '@portolan/core'
import { Ipset } from '@portolan/native/netfilter'
import { type SystemCommand, SystemCommandError } from '@portolan/native/system-command'
import { routeText } from '../compile/print.ts'
import { type DestinationStep, inverse, type Step } from '../compile/step.ts'
import { programOf, stepText } from '../compile/step-text.ts'
import type { SetElement } from '../layout/element.ts'
import { routingTable, rulePriority } from '../layout/marks.ts'
import { declarationOf, kernelName, maxElements, type SetName, sets, setTypes } from '../layout/sets.ts'
import type { IpvsSettings } from '../layout/settings.ts'
import {
  type ObservedServer,
  type ServerKey,
  type ServerPlace,
  serverKey,
  type VirtualServer,
} from '../layout/virtual-server.ts'
import { isDeclaredAs, readElement } from './ipset-output.ts'
import { ipvsadm } from './ipvsadm.ts'
import { readListed, readSaved } from './ipvsadm-output.ts'
import { notTakenBack } from './netlink-steps.ts'
import { type BatchResult, resultOf } from './restore-result.ts'
import type { Applied, Transport } from './transport.ts'

/** Everything through ipvsadm, ipset, ip and sysctl: for machines where the native library can't be loaded. */
export class CommandTransport implements Transport {
  readonly name = 'ipvsadm'
  readonly #command: SystemCommand
  readonly #ipset: Ipset

  constructor(command: SystemCommand) {
    this.#command = command
    this.#ipset = new Ipset(command)
  }

  async apply(family: IpFamily, steps: readonly Step[]): Promise<Applied> {
    let bytes = 0
    const done: Step[] = []
    const unusable: DestinationStep[] = []
    for (const batch of batches(steps)) {
      try {
        bytes += await this.#restore(family, batch)
      } catch (error) {
        if (!(error instanceof SystemCommandError)) throw error
        const result = await this.#resultOf(family, batch, error)
        for (const step of result.done) done.push(step)
        for (const step of result.unusable) unusable.push(step)
        if (result.worst === undefined) continue
        const left = await this.#takeBack(family, done)
        throw new ApplyError(error.message + notTakenBack(left), {
          operation: stepText(family, result.worst),
          cause: error,
        })
      }
      for (const step of batch) done.push(step)
    }
    return { bytes, unusable }
  }

  /** What became of a batch of which something was refused. */
  async #resultOf(family: IpFamily, batch: readonly Step[], error: SystemCommandError): Promise<BatchResult> {
    const [first] = batch
    if (first === undefined) return { done: [], unusable: [] }
    if (error.code !== 'COMMAND_FAILED') return { done: [], unusable: [], worst: first }
    if (programOf(first) === 'ipvsadm')
      return resultOf(batch, await this.readServers(family), error.output, (step) =>
        this.#retry(family, step),
      )
    // ipset stops at the line that it doesn't get through.
    const line = Number(/in line (\d+)/.exec(error.output)?.[1] ?? 1)
    return { done: batch.slice(0, line - 1), unusable: [], worst: batch[line - 1] ?? first }
  }

  /** @returns what ipvsadm complained of; `undefined`: nothing */
  async #retry(family: IpFamily, step: Step): Promise<string | undefined> {
    try {
      await this.#restore(family, [step])
      return undefined
    } catch (error) {
      if (error instanceof SystemCommandError) return error.output
      throw error
    }
  }

  /** As far as it can be: the core reads back what there is after a failure. @returns what was refused, in words */
  async #takeBack(family: IpFamily, done: readonly Step[]): Promise<string[]> {
    const left: string[] = []
    for (const batch of batches(done.toReversed().map(inverse))) {
      try {
        await this.#restore(family, batch)
      } catch (error) {
        left.push(error instanceof Error ? error.message : String(error))
      }
    }
    return left
  }

  /** Runs steps that one program does. */
  async #restore(family: IpFamily, batch: readonly Step[]): Promise<number> {
    const [first] = batch
    if (first === undefined) return 0
    const lines = batch.map((step) => stepText(family, step))
    const text = `${lines.join('\n')}\n`
    if (programOf(first) === 'ipset') await this.#ipset.restore(lines)
    else await ipvsadm(this.#command, ['--restore'], text)
    return text.length
  }

  async readServers(family: IpFamily): Promise<VirtualServer[]> {
    return readSaved(await ipvsadm(this.#command, ['-Sn']), family)
  }

  /** Of all virtual servers, by two listings: only one has the terms, only the other one connections. */
  async readServersAt(
    family: IpFamily,
    places: readonly ServerPlace[],
  ): Promise<ReadonlyMap<ServerKey, ObservedServer>> {
    const found = new Map<ServerKey, ObservedServer>()
    if (places.length === 0) return found
    const wanted = new Set(places.map(serverKey))
    const destinations = readListed(await ipvsadm(this.#command, ['-Ln', '--exact']), family)
    for (const { place, terms } of await this.readServers(family)) {
      const key = serverKey(place)
      if (wanted.has(key)) found.set(key, { terms, destinations: destinations.get(key) ?? [] })
    }
    return found
  }

  async readSets(family: IpFamily): Promise<Map<SetName, SetElement['element'][]>> {
    const found = new Map<SetName, SetElement['element'][]>()
    const there = new Set(await this.#ipset.names())
    const declared = sets.filter(({ name }) => there.has(kernelName(family, name)))
    const saved = await this.#ipset.read(declared.map(({ name }) => kernelName(family, name)))
    for (const { name, kind } of declared) {
      const { type = '', elements = [] } = saved.get(kernelName(family, name)) ?? {}
      // One of another type is as good as none: it is replaced.
      if (!isDeclaredAs(type.split(' '), family, kind)) continue
      const read = [...elements].map(([text, options]) =>
        readElement(text, kind, /skbmark (\S+)/.exec(options)?.[1]),
      )
      found.set(
        name,
        read.filter((element) => element !== undefined),
      )
    }
    return found
  }

  async createSet(family: IpFamily, set: SetName): Promise<void> {
    const { kind } = declarationOf(set)
    const there = new Set(await this.#ipset.names())
    if (there.has(kernelName(family, set)))
      await this.#command.run('ipset', ['destroy', kernelName(family, set)])
    await this.#command.run('ipset', [
      'create',
      kernelName(family, set),
      setTypes[kind],
      'family',
      family === 'IPv4' ? 'inet' : 'inet6',
      'maxelem',
      String(maxElements),
      ...(kind === 'destination-mark' ? ['skbinfo'] : []),
    ])
  }

  async destroySets(family: IpFamily): Promise<number> {
    const there = new Set(await this.#ipset.names())
    let count = 0
    for (const { name } of sets) {
      if (!there.has(kernelName(family, name))) continue
      await this.#command.run('ipset', ['destroy', kernelName(family, name)])
      count += 1
    }
    return count
  }

  async isRouted(family: IpFamily, mark: number): Promise<boolean> {
    const hex = `0x${mark.toString(16)}`
    const rules = await this.#ip(family, ['rule', 'list'])
    const wanted = new RegExp(
      `^${rulePriority}:\\s+from all fwmark ${hex}/${hex} lookup ${routingTable}`,
      'm',
    )
    return wanted.test(rules) && /^local default dev lo/m.test(await this.#routes(family))
  }

  async route(family: IpFamily, mark: number): Promise<void> {
    await this.unroute(family)
    for (const line of routeText(family, mark)) await this.#ip(family, line.split(' '))
  }

  async unroute(family: IpFamily): Promise<boolean> {
    const rules = (await this.#ip(family, ['rule', 'list']))
      .split('\n')
      .filter((line) => line.includes(`lookup ${routingTable}`))
    for (const rule of rules) {
      const [, priority = '', mark = ''] = /^(\d+):.* fwmark (\S+)/.exec(rule) ?? []
      await this.#ip(family, [
        'rule',
        'del',
        'priority',
        priority,
        'fwmark',
        mark,
        'lookup',
        String(routingTable),
      ])
    }
    const routed = (await this.#routes(family)).trim() !== ''
    if (routed) await this.#ip(family, ['route', 'flush', 'table', String(routingTable)])
    return routed || rules.length > 0
  }

  /** The routes of our table; a table that is not used yet is empty. */
  async #routes(family: IpFamily): Promise<string> {
    try {
      return await this.#ip(family, ['route', 'show', 'table', String(routingTable)])
    } catch (error) {
      if (error instanceof SystemCommandError && /does not exist/i.test(error.output)) return ''
      throw error
    }
  }

  #ip(family: IpFamily, args: readonly string[]): Promise<string> {
    return this.#command.run('ip', [family === 'IPv4' ? '-4' : '-6', ...args])
  }

  async readSysctl(name: string): Promise<string | undefined> {
    try {
      return (await this.#command.run('sysctl', ['-n', name])).trim()
    } catch (error) {
      if (error instanceof SystemCommandError && error.code === 'COMMAND_FAILED') return undefined
      throw error
    }
  }

  async writeSysctl(name: string, value: string): Promise<void> {
    await this.#command.run('sysctl', ['-q', '-w', `${name}=${value}`])
  }

  async setTimeouts({ tcpTimeout, tcpFinTimeout, udpTimeout }: IpvsSettings): Promise<void> {
    await ipvsadm(this.#command, ['--set', ...[tcpTimeout, tcpFinTimeout, udpTimeout].map(String)])
  }

  async countElements(family: IpFamily, set: SetName): Promise<number | undefined> {
    try {
      const text = await this.#command.run('ipset', ['list', '-terse', kernelName(family, set)])
      return Number(/^Number of entries: (\d+)/m.exec(text)?.[1] ?? Number.NaN)
    } catch (error) {
      if (error instanceof SystemCommandError && error.code === 'COMMAND_FAILED') return undefined
      throw error
    }
  }

  readGeneration(): undefined {
    return undefined
  }

  close(): void {}
}

/** Consecutive steps of one program. */
function* batches(steps: readonly Step[]): Generator<Step[]> {
  let batch: Step[] = []
  for (const step of steps) {
    if (batch[0] !== undefined && programOf(batch[0]) !== programOf(step)) {
      yield batch
      batch = []
    }
    batch.push(step)
  }
  if (batch.length > 0) yield batch
}
