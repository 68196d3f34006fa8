import type { Flags } from '../config/flags.ts'
import { parseFlags } from '../config/flags.ts'
import { loadDataplane } from '../dataplane/load-dataplane.ts'
import { type Address, familyOf, type IpFamily, ipFamilies } from '../table/address.ts'
import { type Evaluation, evaluate } from '../table/evaluate.ts'
import { isLoopback } from '../table/node-addresses.ts'
import { frontendKey } from '../table/service-route.ts'
import type { TableBuilder } from '../table/table-builder.ts'
import { type Client, nodeAddressMend, packetSource, parseClient } from './client.ts'
import { type Destination, parseDestination } from './destination.ts'
import { describeExplanation, type Explanation, explanationOf } from './explanation.ts'
import { type NodeTables, readNodeTables } from './node-tables.ts'
import { surroundings } from './surroundings.ts'
import { UserError } from './user-error.ts'

export interface ExplainFlags extends Flags {
  readonly from: string
  readonly to: string
  readonly family?: IpFamily
  readonly json?: boolean
}

/** Says what happens to one connection at this node. */
export async function explain(flags: ExplainFlags): Promise<void> {
  const { explanation, evaluation } = await explainConnection(flags, (line) =>
    console.error(`portolan: ${line}`),
  )
  console.log(flags.json ? JSON.stringify(explanation) : describeExplanation(explanation, evaluation))
}

/** @param say takes lines for the operator */
export async function explainConnection(
  flags: ExplainFlags,
  say: (line: string) => void,
): Promise<{ readonly explanation: Explanation; readonly evaluation: Evaluation }> {
  const config = parseFlags(flags, surroundings())
  const client = parseClient(flags.from)
  const destination = parseDestination(flags.to)
  const loading = loadDataplane(config.dataplane, {
    masqueradeBit: config.masqueradeBit,
    settings: config.dataplaneSettings,
  })
  const capabilities = loading.then((dataplane) => dataplane.capabilities)
  // Asked for once the cluster is read; that there is no such dataplane is told by `loading` before that.
  capabilities.catch(() => {})
  const [dataplane, tables] = await Promise.all([
    loading,
    readNodeTables({
      config,
      families: ipFamilies,
      capabilities,
      addresses: 'node',
      say,
    }),
  ])
  const wanted = flags.family ?? familyOfClient(client)
  const { builder, address } = place(destination, tables, wanted)
  const { packet, note } = packetSource(client, builder.table, tables.node)
  const evaluation = evaluate(builder.table, {
    ...packet,
    destination: address,
    port: destination.port,
    protocol: destination.protocol,
  })
  const reasons = [...(note === undefined ? [] : [note]), builder.describe(evaluation, tables.cluster)]
  const rules = dataplane.trace(builder.table, evaluation)
  return { explanation: explanationOf(evaluation, builder.table, reasons, rules), evaluation }
}

function familyOfClient(client: Client): IpFamily | undefined {
  return client === 'pod' || client === 'node' || client === 'outside' ? undefined : familyOf(client)
}

/** The family's table that the packet meets, and the address that it goes to. */
function place(
  { address, port, protocol }: Destination,
  { builders, nodeName }: NodeTables,
  wanted: IpFamily | undefined,
): { readonly builder: TableBuilder; readonly address: Address } {
  if (address !== undefined) {
    const builder = builders.find(({ family }) => family === familyOf(address))
    if (builder !== undefined) return { builder, address }
  }
  const reachable = builders.flatMap((builder) => {
    const first = [...builder.table.nodePortAddresses].find((one) => !isLoopback(one))
    const fits = wanted === undefined || wanted === builder.family
    return first === undefined || !fits ? [] : [{ builder, address: first }]
  })
  const key = frontendKey(undefined, protocol, port)
  const found = reachable.find(({ builder }) => builder.table.frontends.has(key)) ?? reachable[0]
  if (found === undefined) {
    const family = wanted === undefined ? '' : `${wanted} `
    throw new UserError(`node '${nodeName}' has no ${family}address where NodePorts answer`, {
      mend: `${nodeAddressMend}; see also --nodeport-addresses`,
    })
  }
  return found
}
