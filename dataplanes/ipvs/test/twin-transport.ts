import { isDeepStrictEqual } from 'node:util'
import { ApplyError, endpointKey } from '@portolan/core'
import type { Step } from '../compile/step.ts'
import type { Applied, Transport } from '../kernel/transport.ts'
import { elementText } from '../layout/element.ts'
import { serverKey, type VirtualServer } from '../layout/virtual-server.ts'

/** Adds something to programs that no kernel takes. */
export interface Spoiler {
  isOn: boolean
}

/** Does everything on the real kernel and on the model of it, and throws when they differ. */
export function twinTransport(real: Transport, model: Transport, spoiler: Spoiler): Transport {
  return {
    ...model,
    name: real.name,
    async apply(family, steps) {
      const sent = spoiler.isOn ? [...steps, impossible] : steps
      const [one, other] = await Promise.allSettled([real.apply(family, sent), model.apply(family, sent)])
      if (one.status !== other.status)
        throw new Error(`the real kernel's answer: ${answer(one)}, the model's: ${answer(other)}`)
      if (one.status === 'fulfilled') return one.value
      throw one.reason
    },
    async readServers(family) {
      return same(
        `${family} servers`,
        await real.readServers(family),
        await model.readServers(family),
        serversText,
      )
    },
    async readSets(family) {
      return same(`${family} sets`, await real.readSets(family), await model.readSets(family), (sets) =>
        [...sets].map(([name, elements]) => [name, elements.map(elementText).sort()]),
      )
    },
    async createSet(family, set) {
      await Promise.all([real.createSet(family, set), model.createSet(family, set)])
    },
    route: (family, mark) => real.route(family, mark),
    isRouted: (family, mark) => real.isRouted(family, mark),
    readSysctl: (name) => real.readSysctl(name),
    writeSysctl: (name, value) => real.writeSysctl(name, value),
    close: () => real.close(),
  }
}

/** There is no such virtual server. */
const impossible: Step = {
  do: 'edit-server',
  place: { fwmark: 0x5affffff },
  terms: { scheduler: 'rr', flags: 0x20, timeoutSeconds: 0 },
  before: { scheduler: 'rr', flags: 0x20, timeoutSeconds: 0 },
}

function answer(settled: PromiseSettledResult<Applied>): string {
  if (settled.status === 'fulfilled') return 'done'
  return settled.reason instanceof ApplyError ? settled.reason.message : String(settled.reason)
}

function serversText(servers: readonly VirtualServer[]): string[] {
  return servers
    .map(({ place, terms, endpoints, draining, misweighed = [] }) =>
      JSON.stringify([
        serverKey(place),
        terms,
        ...[endpoints, draining, misweighed].map((list) => list.map(endpointKey).sort()),
      ]),
    )
    .sort()
}

function same<Value>(what: string, real: Value, model: Value, text: (value: Value) => unknown): Value {
  const [there, thought] = [text(real), text(model)]
  if (isDeepStrictEqual(there, thought)) return real
  throw new Error(
    `${what}: the real kernel holds ${JSON.stringify(there)}, the model ${JSON.stringify(thought)}`,
  )
}
