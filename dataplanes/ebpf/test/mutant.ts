import { mutantFactory, planted } from '@portolan/conformance/mutants'
import type { DataplaneFactory } from '@portolan/core'
import { ebpfOf } from '../ebpf-dataplane.ts'
import sound, { inLab } from './lab-dataplane.ts'
import { compileMutant, packetMutants } from './packet-mutants.ts'
import { programMutants } from './program-mutants.ts'

/** What this dataplane alone could do wrong. */
export const ownMutants: readonly string[] = [...Object.keys(programMutants), ...Object.keys(packetMutants)]

const mutants = mutantFactory(
  sound,
  Object.fromEntries(Object.entries(programMutants).map(([name, { plant }]) => [name, planted(plant)])),
)

/** This dataplane with something wrong, as its setting `mutant` says; mutants.test.ts, and portolan fuzz, find it. */
const factory: DataplaneFactory = {
  ...mutants,
  create(options, supervision) {
    const { mutant, ...settings } = options.settings
    const wrong = Object.entries(packetMutants).find(([name]) => name === mutant)?.[1]
    if (wrong === undefined) return mutants.create(options, supervision)
    return inLab(ebpfOf(() => compileMutant(wrong))).create({ ...options, settings }, supervision)
  },
}
export default factory
