import { endpoint, external, frontend, internal, route, table } from '@portolan/conformance/example-tables'
import type { Dataplane } from '@portolan/core'
import test from 'ava'
import fc from 'fast-check'
import type { NftProgram } from '../compile/program.ts'
import type { ObservedState } from '../layout/observed-state.ts'
import { defineNftables } from '../nftables-dataplane.ts'
import { KernelModel } from './kernel-model.ts'
import { ModelTransport } from './model-transport.ts'

const endpoints = ['10.1.0.2', '10.1.0.3', '10.1.1.2', '10.1.1.3'].map((address) => endpoint(address))
const sticky = { affinitySeconds: 600 }
const wanted = table([
  route(
    'shop/web:http',
    endpoints,
    [
      frontend('ClusterIP', '10.96.0.10', 80, internal),
      frontend('LoadBalancer', '203.0.113.10', 80, external),
      frontend('NodePort', undefined, 30080, external),
    ],
    sticky,
  ),
  route('shop/cart:http', endpoints.slice(1), [frontend('ClusterIP', '10.96.0.30', 80, internal)], sticky),
])

/** Elements of the maps that hold numbers: which are lost, and which hold another's value. */
const damage = fc.array(
  fc.record({ what: fc.constantFrom('lost', 'swapped'), one: fc.nat(60), other: fc.nat(60) }),
  { maxLength: 12 },
)

function open(kernel: KernelModel): Dataplane<NftProgram, ObservedState> {
  return defineNftables(async () => new ModelTransport(kernel, 'netlink')).create({
    masqueradeBit: 14,
    settings: {},
  })
}

test('whatever part of the affinity numbers is still held, a restart is accepted and leaves the table whole', async (t) => {
  await fc.assert(
    fc.asyncProperty(damage, async (changes) => {
      const kernel = new KernelModel()
      const first = open(kernel)
      await first.apply(first.reconcile(undefined, wanted))
      const elements = [...(kernel.tables.get('IPv4')?.sets ?? [])]
        .filter(([name]) => name.startsWith('affinity-'))
        .flatMap(([, set]) => [...set.elements.keys()].map((key) => ({ map: set.elements, key })))
      for (const { what, one, other } of changes) {
        const [here, there] = [elements[one % elements.length], elements[other % elements.length]]
        if (here === undefined || there?.map !== here.map) continue
        if (what === 'lost') here.map.delete(here.key)
        else here.map.set(here.key, there.map.get(there.key) ?? '')
      }
      const second = open(kernel)
      await second.apply(second.reconcile(await second.observe('IPv4'), wanted))
      t.is(second.print(second.reconcile(await second.observe('IPv4'), wanted)), '')
    }),
    { numRuns: 300 },
  )
})
