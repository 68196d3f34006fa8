import type { Flags } from '../config/config-flags.ts'
import { describeNote } from '../config/config-note.ts'
import { loadDataplane } from '../dataplane/load-dataplane.ts'
import { adoptObserved } from '../engine/adopt.ts'
import { ipFamilies } from '../network/address.ts'
import { usableFamilies } from '../network/usable-families.ts'
import { unusable } from '../proxy/proxy-error.ts'
import { counted } from '../table/explain/counted.ts'
import type { RouteKey } from '../table/service-route.ts'
import { keptSets } from './kept-sets.ts'
import { readNodeTables } from './node-tables.ts'
import { readConfig } from './read-config.ts'

export type PlanFlags = Flags & {
  readonly from: 'nothing' | 'kernel'
}

/** Prints the program for this node, family by family; changes nothing. */
export async function plan(flags: PlanFlags): Promise<void> {
  const say = (line: string): void => console.error(`portolan: ${line}`)
  const { config, notes } = await readConfig(flags)
  for (const note of notes) say(describeNote(note))
  const dataplane = await loadDataplane(config.dataplane, {
    masqueradeBit: config.masqueradeBit,
    settings: config.dataplaneSettings,
  })
  const onKernel = flags.from === 'kernel'
  const usable = onKernel ? await usableFamilies() : ipFamilies
  const families = usable.filter((family) => dataplane.capabilities.families.includes(family))
  const addresses = onKernel ? 'machine' : 'node'
  const { capabilities } = dataplane
  const { builders, nodeName, description } = await readNodeTables({
    config,
    families,
    capabilities,
    addresses,
    say,
  })
  if (onKernel) {
    const probe = await dataplane.probe()
    if (!probe.usable) throw unusable(dataplane.name, probe)
    await dataplane.start()
  }
  try {
    for (const builder of builders) {
      const { family, table } = builder
      const observed = onKernel ? await dataplane.observe(family) : undefined
      if (onKernel) adoptObserved(dataplane, observed, builder, () => builder.drain())
      for (const line of keptSets(builder, nodeName)) say(`${family}: ${line}`)
      const program = dataplane.reconcile(observed, table)
      const from = onKernel ? 'what this kernel holds' : 'nothing'
      say(
        `node ${nodeName} by ${description}, ${family}, from ${from}: ` +
          `${counted(table.routes.size, 'route')}, ${counted(table.frontends.size, 'frontend')}, ` +
          `${counted(program.operations, 'operation')} of ${dataplane.name}`,
      )
      for (const { route, reason } of program.degraded)
        say(`${family}: route ${table.routes.get(route as RouteKey)?.name ?? route} degraded: ${reason}`)
      const text = dataplane.print(program)
      if (text !== '') process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
    }
  } finally {
    if (onKernel) await dataplane.stop()
  }
}
