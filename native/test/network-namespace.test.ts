import { networkInterfaces } from 'node:os'
import { createLab } from '@portolan/lab'
import test from 'ava'
import { inNetworkNamespace } from '../index.ts'

const interfaces = () => Object.keys(networkInterfaces()).sort()

test('a function runs in another network namespace, and the thread comes back, also after an exception', async (t) => {
  await using lab = await createLab({ pods: 1 })
  const path = lab.node.networkNamespace
  const home = interfaces()
  const there = inNetworkNamespace(path, interfaces)
  t.true(there.includes('cbr0'))
  t.notDeepEqual(there, home)
  t.deepEqual(interfaces(), home)
  t.throws(() =>
    inNetworkNamespace(path, () => {
      throw new Error('within')
    }),
  )
  t.deepEqual(interfaces(), home)
})
