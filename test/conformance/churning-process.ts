/**
 * A process that changes a node's Services as fast as it can, for ever, to be killed in the middle of it. It begins
 * like any process of the node, by adopting what is there, and says `ready` when it has.
 */
import type { DataplaneFactory } from '@portolan/core'
import { serviceShape, slices, steadyObjects } from './case-objects.ts'
import { Driver } from './driver.ts'
import { at } from './matrix-case.ts'
import { type NodeSpecification, newCluster } from './node-specification.ts'
import { service } from './objects.ts'
import { place } from './place.ts'

export interface ChurnRequest extends NodeSpecification {
  /** The dataplane's module: its default export is the factory. */
  readonly module: string
  readonly settings: Readonly<Record<string, string>>
  readonly networkNamespace: string
  /** Places of Services that stay as they are, with endpoints as `steady` says. */
  readonly steady: readonly number[]
  /** Places of Services that come and go. */
  readonly churning: readonly number[]
}

async function churn(request: ChurnRequest): Promise<never> {
  const { default: factory } = (await import(request.module)) as { default: DataplaneFactory }
  const { networkNamespace, settings } = request
  const cluster = newCluster(request)
  cluster.set(...request.steady.flatMap(steadyObjects))
  const driver = new Driver(factory.create({ masqueradeBit: 14, networkNamespace, settings }), cluster)
  await driver.start()
  process.stdout.write('ready\n')
  for (let turn = 0; ; turn++) {
    for (const number of request.churning) {
      const shape = serviceShape(place(number), turn % 2 === 0 ? { affinitySeconds: 60 } : {})
      const endpoints = at('pod0', ...(turn % 3 === 0 ? [] : (['pod1', 'remote0'] as const)))
      if (turn % 4 === 3) cluster.removeService(shape.name)
      else cluster.set(service(shape), ...slices(shape, place(number), endpoints))
    }
    await driver.sync()
  }
}

await churn(JSON.parse(process.argv[2] ?? '') as ChurnRequest)
