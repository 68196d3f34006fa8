import type { Dataplane, DataplaneFactory } from '@portolan/core'
import { createLab, type Lab, remotePodAddress } from '@portolan/lab'
import test, { type ExecutionContext } from 'ava'
import {
  GeneratedCluster,
  serviceObject,
  sliceObject,
  sliceObjects,
} from '../../cluster/generated-cluster.ts'
import {
  nodeObject,
  probeObjects,
  probePort,
  probeServices,
  probeSlice,
  probeTargetPort,
} from '../../cluster/probe-services.ts'
import { BareTable } from '../../lower-bound/bare-table.ts'
import upstreamIptables from '../upstream-iptables.ts'
import upstreamNftables from '../upstream-nftables.ts'

// Upstream's layouts on a real kernel: what carries no packet would be measured for nothing.

let lab: Lab

test.before(async () => {
  lab = await createLab()
  await lab.remote.serve('TCP', '0.0.0.0', probeTargetPort)
})

test.after.always(() => lab?.close())

for (const [name, factory] of [
  ['upstream-nftables', upstreamNftables],
  ['upstream-iptables', upstreamIptables],
] as const) {
  test.serial(`${name}: Services answer, changes show, and a clean-up leaves nothing`, async (t) => {
    const dataplane = make(factory)
    const { usable } = await dataplane.probe()
    t.true(usable)
    const cluster = new GeneratedCluster({ services: 5, endpointsPerService: 3 })
    const table = new BareTable()
    table.change({ write: [...cluster.objects(), ...probeObjects(), nodeObject()] })
    try {
      await dataplane.apply(dataplane.reconcile(undefined, table.table))
      await reaches(t, 0)

      const change = { write: [probeSlice('middle', 1), sliceObject(cluster.service(2), 0, new Set([1]))] }
      await dataplane.apply(dataplane.compile(table.change(change)))
      await reaches(t, 1)

      const added = cluster.service(5)
      const objects = [serviceObject(added), ...sliceObjects(added)]
      await dataplane.apply(dataplane.compile(table.change({ write: objects })))
      await dataplane.apply(dataplane.compile(table.change({ remove: objects })))
      await reaches(t, 1)

      await dataplane.apply(dataplane.reconcile(undefined, table.table))
      await reaches(t, 1)
    } finally {
      await dataplane.cleanup()
    }
    const { stdout } = await lab.node.exec('nft', ['list', 'ruleset'])
    const { stdout: nat } = await lab.node.exec('iptables', ['-t', 'nat', '-S'])
    t.notRegex(stdout + nat, /KUBE|portolan/)
  })
}

function make(factory: DataplaneFactory): Dataplane {
  return factory.create({ masqueradeBit: 14, networkNamespace: lab.node.networkNamespace, settings: {} })
}

async function reaches(t: ExecutionContext, remotePod: number): Promise<void> {
  const to = { address: probeServices.middle.clusterIP, port: probePort }
  for (const host of [...lab.pods, lab.node]) {
    const outcome = await host.probe({ protocol: 'TCP', to, timeoutMs: 2000 })
    t.is(outcome.result, 'answered')
    if (outcome.result === 'answered') t.is(outcome.address, remotePodAddress('IPv4', remotePod), host.name)
  }
}
