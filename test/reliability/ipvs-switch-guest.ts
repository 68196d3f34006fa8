/**
 * Takes a node from dataplane to dataplane while packets flow, in one process, and tells of each change in a line of JSON. For a
 * virtual machine, where processes take long to start; test/ipvs-switch.test.ts runs it there. Arguments: the way; without
 * them, from IPVS to each other dataplane and back.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { bring, missing } from '@portolan/conformance/reconcile'
import { type Dataplane, parseAddress, parseCidr, type RoutingTable } from '@portolan/core'
import { parseNode, parseService, parseSlice } from '@portolan/core/cluster'
import { loadDataplane } from '@portolan/core/dataplane'
import { TableBuilder } from '@portolan/core/table'
import { createLab, families, type Lab, network } from '@portolan/lab'
import { takeOwnMounts } from '../own-mounts.ts'
import { balancedObjects, nodeName, nodeObject, steadyObjects, zones } from './cluster-objects.ts'
import { dataplaneOptions, serveEndpoints } from './scene.ts'
import { type LoadReport, SteadyLoad } from './steady-load.ts'

/** What became of one change. */
export interface GuestOutcome {
  readonly from: string
  readonly to: string
  readonly load: LoadReport
  /** What was wrong beside lost packets. */
  readonly errors: readonly string[]
}

const slowness = 8
const [settleMs, drainMs] = [1500, 500]

/** The tables of the cluster that the load asks. */
function tables(): readonly RoutingTable[] {
  return families.map((family) => {
    const cidr = parseCidr(network[family].clusterCidr)
    const everywhere = parseCidr(network[family].everything)
    const local = parseAddress(network[family].node.uplink)
    if (cidr === undefined || everywhere === undefined || local === undefined) throw new Error('no CIDR')
    const builder = new TableBuilder({
      ...{ family, nodeName, masqueradeAll: false, localhostNodePorts: false },
      ...{ podSource: { by: 'cidr', cidr }, nodePortAddresses: [everywhere] },
    })
    builder.setLocalAddresses(new Set([local]))
    for (const object of [nodeObject(zones.pod0), ...steadyObjects(), ...balancedObjects()]) {
      const [node, service, slice] = [parseNode(object), parseService(object), parseSlice(object)]
      if (object.kind === 'Node' && node.record !== undefined) builder.setNode(node.record)
      if (object.kind === 'Service' && service.record !== undefined) builder.setService(service.record)
      if (object.kind === 'EndpointSlice' && slice.record !== undefined) builder.setSlice(slice.record)
    }
    builder.drain()
    return builder.table
  })
}

function open(lab: Lab, name: string): Promise<Dataplane> {
  const { networkNamespace } = lab.node
  const settings = Object.fromEntries(
    dataplaneOptions(name, networkNamespace).map((option) => option.split('=', 2) as [string, string]),
  )
  return loadDataplane(name, { masqueradeBit: 14, networkNamespace, settings })
}

/** As `core/succession/` does it, without the waiting that is for others' sake. */
async function change(
  lab: Lab,
  from: Dataplane,
  name: string,
): Promise<{ to: Dataplane; outcome: GuestOutcome }> {
  const errors: string[] = []
  const load = await SteadyLoad.start(lab, { everyMs: 2000, held: 1, slowness })
  await sleep(settleMs)
  await from.stop()
  const to = await open(lab, name)
  await to.start()
  for (const table of tables()) await bring(to, table)
  await sleep(settleMs)
  await from.drain?.()
  await sleep(settleMs)
  if (((await from.drain?.())?.connections ?? 0) === 0) errors.push('no connection is drained')
  await load.release()
  for (let left = 1; left > 0; await sleep(drainMs)) left = (await from.drain?.())?.connections ?? 0
  const { removed } = await from.cleanup()
  if (removed.length === 0) errors.push(`nothing of ${from.name} was removed`)
  await sleep(settleMs)
  for (const table of tables()) {
    const difference = await missing(to, table)
    if (difference !== '') errors.push(`the kernel differs from ${name}: ${difference}`)
  }
  const remains = (await from.remains?.()) ?? []
  if (remains.length > 0) errors.push(`left of ${from.name}: ${remains.join('; ')}`)
  return { to, outcome: { from: from.name, to: to.name, load: await load.stop(), errors } }
}

takeOwnMounts()
const given = process.argv.slice(2)
const circuit = ['ipvs', 'nftables', 'ipvs', 'iptables', 'ipvs', 'ebpf', 'ipvs']
const [first = '', ...rest] = given.length === 0 ? circuit : given
{
  await using lab = await createLab({ pods: 2, slowness })
  await serveEndpoints(lab)
  let now = await open(lab, first)
  await now.start()
  for (const table of tables()) await bring(now, table)
  for (const name of rest) {
    const { to, outcome } = await change(lab, now, name)
    now = to
    process.stdout.write(`${JSON.stringify(outcome)}\n`)
  }
  await now.stop()
  await now.cleanup()
}
process.exit(0)
