import { engineOnKernel } from '@portolan/conformance/engine-on-kernel'
import { createLab } from '@portolan/lab'
import { iptablesVariants } from '@portolan/native/netfilter'
import test from 'ava'
import factory from '../index.ts'
import { sabotage } from './sabotage.ts'

for (const variant of iptablesVariants) {
  test(`${variant}: the engine applies changes, tries again, repairs all damage, and adopts what it left`, async (t) => {
    t.timeout(900_000)
    await using lab = await createLab({ pods: 1 })
    await t.notThrowsAsync(engineOnKernel(lab, { factory, settings: { variant }, sabotage }))
  })
}
