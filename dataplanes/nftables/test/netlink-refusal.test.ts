import { table } from '@portolan/conformance/example-tables'
import { bring } from '@portolan/conformance/reconcile'
import { ApplyError, emptyTable, fullDifference, type RoutingTable } from '@portolan/core'
import { createLab } from '@portolan/lab'
import test from 'ava'
import nftables from '../index.ts'

/** So many that they are several lists of one batch, which has at most 60,000 bytes in each. */
const count = 4000
const places = [0, 1, 1300, 2500, 2501, count - 1]

const address = (index: number) => `10.${100 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`

const kinds: readonly {
  readonly what: string
  readonly table: (indexes: readonly number[]) => RoutingTable
  readonly element: (index: number) => string
}[] = [
  {
    what: 'an address',
    table: (indexes) => table([], { clusterIPs: indexes.map(address) }),
    element: (index) => `cluster-ips { ${address(index)} }`,
  },
  {
    // Each is two elements to the kernel, its beginning and its end.
    what: 'a range',
    table: (indexes) => table([], { serviceCidrs: indexes.map((index) => `${address(index * 4)}/31`) }),
    element: (index) => `service-cidrs { ${address(index * 4)}/31 }`,
  },
]

for (const { what, table: tableOf, element } of kinds)
  test(`the refusal of ${what} among thousands names it, in whichever list of the batch it is`, async (t) => {
    await using lab = await createLab({ pods: 1 })
    const { networkNamespace } = lab.node
    const all = tableOf(Array.from({ length: count }, (_, index) => index))
    const empty = emptyTable(all.family, all.podSource)
    for (const place of places) {
      const there = nftables.create({ masqueradeBit: 14, networkNamespace, settings: {} })
      await bring(there, tableOf([place]))
      // Of all that comes, this one is there already.
      const error = await t.throwsAsync(there.apply(there.compile(fullDifference(empty, all))), {
        instanceOf: ApplyError,
      })
      t.is(error?.operation, `add element ${element(place)}`)
      await there.stop()
    }
  })
