import type { Subject } from '@portolan/conformance/convergence'
import { NetfilterModel } from '@portolan/conformance/netfilter-model'
import type { IptablesVariant } from '@portolan/native/netfilter'
import { defineIptables } from '../iptables-dataplane.ts'
import type { ObservedState } from '../layout/observed-state.ts'

/**
 * This dataplane over a model of iptables and ipset, for the convergence property.
 *
 * @param maxClientSets fewer than the kernel has room for: then it depends on history which routes have affinity
 */
export function modelSubject(variant: IptablesVariant, maxClientSets?: number): Subject {
  const kernel = new NetfilterModel()
  return {
    open: () =>
      defineIptables({
        command: kernel,
        openFingerprint: () => blindFingerprint,
        ...(maxClientSets === undefined ? {} : { maxClientSets }),
      }).create({ masqueradeBit: 14, settings: { variant } }),
    break(fault) {
      kernel.break(fault)
    },
    // That would be a sysctl of this machine.
    localhostFamilies: [],
    ...(maxClientSets === undefined
      ? {
          meaning: (observedState: unknown) => meaningOf(observedState as ObservedState),
          fresh: () => modelSubject(variant),
        }
      : {}),
  }
}

const blindFingerprint = { generation: () => undefined, shape: () => undefined, close() {} }

/** All of it: names and rules follow from the table alone. */
function meaningOf({ tables, sets }: ObservedState): unknown {
  const sorted = <Value>(map: ReadonlyMap<string, Value>) =>
    [...map].sort(([one], [other]) => (one < other ? -1 : 1))
  return {
    tables: Object.entries(tables).map(([name, { chains, jumps }]) => [name, sorted(chains), jumps]),
    sets: sorted(sets).map(([name, elements]) => [name, [...elements].sort()]),
  }
}
