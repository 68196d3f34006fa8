import { interference, type Subject } from '@portolan/conformance/convergence'
import { type Dataplane, endpointKey, ipFamilies } from '@portolan/core'
import { defineIpvs } from '../ipvs-dataplane.ts'
import { elementText } from '../layout/element.ts'
import type { ObservedState } from '../layout/observed-state.ts'
import { serverKey, type VirtualServer } from '../layout/virtual-server.ts'
import { KernelModel } from './kernel-model.ts'

/** This dataplane over a model of the kernel, for the convergence property. */
export function modelSubject(): Subject {
  const kernel = new KernelModel()
  let opened: Dataplane | undefined
  return {
    open() {
      const system = { command: kernel.netfilter, openTransport: async () => kernel.transport() }
      opened = defineIpvs(system).create({ masqueradeBit: 14, settings: {} })
      return opened
    },
    break(fault) {
      kernel.interfere = interference(fault)
      kernel.netfilter.interfere = kernel.interfere
    },
    // Connections end, and what has drained goes.
    async wait() {
      kernel.endConnections()
      await Promise.all(ipFamilies.map((family) => opened?.upkeep?.(family)))
    },
    meaning: (observedState) => meaningOf(observedState as ObservedState),
    fresh: () => modelSubject(),
  }
}

/** Without what only drains; a mark stands for the virtual server that it leads to. */
function meaningOf({ baseRules, servers, elements }: ObservedState): unknown {
  const marked = new Map(
    servers.flatMap((server) =>
      'fwmark' in server.place ? [[server.place.fwmark, contentOf(server)] as const] : [],
    ),
  )
  const texts = [...elements].map(([name, list]) => [
    name,
    list
      .map((element) => {
        if (!('destination' in element) || element.mark === undefined) return elementText(element)
        const { mark, ...plain } = element
        return `${elementText(plain)} to ${marked.get(mark) ?? `nowhere by ${mark}`}`
      })
      .sort(),
  ])
  const served = new Set(
    (elements.get('SERVED') ?? []).flatMap((one) => ('destination' in one ? serverKey(one.destination) : [])),
  )
  return {
    rules: [...baseRules.rules].map(([table, { chains, jumps }]) => [table, [...chains].sort(), jumps]),
    routed: baseRules.routed,
    sysctls: [...baseRules.sysctls].sort(),
    elements: texts,
    servers: servers
      .filter(({ place }) => served.has(serverKey(place)))
      .map((server) => `${serverKey(server.place)} ${contentOf(server)}`)
      .sort(),
  }
}

function contentOf({ terms, endpoints }: VirtualServer): string {
  return JSON.stringify([terms, endpoints.map(endpointKey).sort()])
}
