import { createLab } from '@portolan/lab'
import test from 'ava'
import factory from '../index.ts'

test('where nothing of IPVS is, be it for want of the module, cleanup finds nothing and is no failure', async (t) => {
  await using lab = await createLab()
  const dataplane = factory.create({
    masqueradeBit: 14,
    networkNamespace: lab.node.networkNamespace,
    settings: {},
  })
  const { removed, absent } = await dataplane.cleanup()
  t.deepEqual(removed, [])
  // Said where the module isn't loaded, and only there.
  if (absent !== undefined) t.is(absent, 'the kernel has no IPVS, or has not loaded it')
})
