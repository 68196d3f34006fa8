import { checkConvergence, type Subject } from '@portolan/conformance/convergence'
import { createLab, type Lab } from '@portolan/lab'
import test from 'ava'
import { NetlinkTransport } from '../kernel/netlink-transport.ts'
import { NftCommand } from '../kernel/nft-command.ts'
import { NftTransport } from '../kernel/nft-transport.ts'
import type { ObservedState } from '../layout/observed-state.ts'
import type { Settings } from '../layout/settings.ts'
import { defineNftables } from '../nftables-dataplane.ts'
import { meaningOf, modelSubject } from './convergence-subject.ts'
import { KernelModel } from './kernel-model.ts'
import { ModelTransport } from './model-transport.ts'
import { TwinTransport } from './twin-transport.ts'

/** The real kernel and the model of it, side by side. The namespace is one for all sequences, and empty before each. */
function twinSubject(lab: Lab, transport: Settings['transport']): Subject {
  const { networkNamespace } = lab.node
  const nft = new NftCommand(networkNamespace)
  const kernel = new KernelModel()
  const twins: TwinTransport[] = []
  return {
    open: () =>
      defineNftables(async () => {
        const real = transport === 'nft' ? new NftTransport(nft) : new NetlinkTransport(nft, networkNamespace)
        const twin = new TwinTransport(real, new ModelTransport(kernel, transport))
        twins.push(twin)
        return twin
      }).create({ masqueradeBit: 14, networkNamespace, settings: { transport } }),
    break(fault) {
      for (const twin of twins) twin.spoils = fault !== undefined
    },
    meaning: (observedState, table) =>
      meaningOf(
        observedState as ObservedState,
        table,
        (chain) => kernel.tables.get(table.family)?.chains.get(chain) ?? [],
      ),
    fresh: () => modelSubject(transport),
    async close() {
      await defineNftables().create({ masqueradeBit: 14, networkNamespace, settings: {} }).cleanup()
    },
  }
}

const file = 'dataplanes/nftables/test/kernel-model.test.ts'

for (const [transport, sequences] of [
  ['netlink', 12],
  ['nft', 4],
] as const)
  test(`the real kernel, by ${transport}, holds and refuses what the model of it does`, async (t) => {
    await using lab = await createLab({ pods: 1 })
    await checkConvergence(t, { file, sequences, subject: () => twinSubject(lab, transport) })
  })
