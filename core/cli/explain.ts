import type { Flags } from '../config/config-flags.ts'
import { describeNote } from '../config/config-note.ts'
import { type Dataplane, stepText } from '../dataplane/contract.ts'
import { loadDataplane } from '../dataplane/load-dataplane.ts'
import { adoptObserved } from '../engine/adopt.ts'
import { answer } from '../explain/answer.ts'
import { parseDestination } from '../explain/destination.ts'
import { describeExplanation, type Explanation, explanationOf } from '../explain/explanation.ts'
import { checkSteps } from '../explain/kernel-check.ts'
import { parseClient } from '../explain/packet-source.ts'
import { type IpFamily, ipFamilies } from '../network/address.ts'
import { usableFamilies } from '../network/usable-families.ts'
import { unusable } from '../proxy/proxy-error.ts'
import type { Evaluation } from '../table/evaluate.ts'
import { type NodeTables, readNodeTables } from './node-tables.ts'
import { readConfig } from './read-config.ts'
import { exitCodes, usageError } from './user-error.ts'

export type ExplainFlags = Flags & {
  /** Who opens the connection; `kernel` besides: compare the rules with what this node's kernel holds. */
  readonly from: readonly string[]
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
  if ((explanation.kernel?.missing.length ?? 0) === 0) return
  console.error('portolan: this kernel lacks some of these rules, so the packet may go another way')
  console.error("  fix: 'portolan run' writes what is missing; 'portolan plan --from kernel' prints it")
  process.exitCode = exitCodes.failure
}

/** @param say takes lines for the operator */
export async function explainConnection(
  flags: ExplainFlags,
  say: (line: string) => void,
): Promise<Explained> {
  const { config, notes } = await readConfig(flags)
  for (const note of notes) say(describeNote(note))
  const sources = flags.from.filter((one) => one !== 'kernel')
  const onKernel = sources.length < flags.from.length
  const [source] = sources
  if (source === undefined || sources.length > 1) {
    const fix = "give one source, and add '--from kernel' to compare the rules with this node's kernel"
    throw usageError(`--from: ${sources.length === 0 ? 'no source' : 'more than one source'}`, fix)
  }
  const question = {
    client: parseClient(source),
    destination: parseDestination(flags.to),
    family: flags.family,
  }
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
      families: onKernel ? await usableFamilies() : ipFamilies,
      capabilities,
      addresses: onKernel ? 'machine' : 'node',
      say,
    }),
  ])
  const explainBy = (observed: ObservedFamilies | undefined): Explained => {
    const { evaluation, table, reasons, steps } = answer(question, tables, dataplane)
    const kernel = observed?.has(table.family) ? checkSteps(steps, observed.get(table.family)) : undefined
    return { explanation: explanationOf(evaluation, table, reasons, steps.map(stepText), kernel), evaluation }
  }
  return onKernel ? await withObserved(dataplane, tables, explainBy) : explainBy(undefined)
}

interface Explained {
  readonly explanation: Explanation
  readonly evaluation: Evaluation
}

/** What the kernel holds, by family. */
type ObservedFamilies = ReadonlyMap<IpFamily, unknown>

/** Reads what the kernel holds, takes over what only the kernel knows as `run` does, and explains by that. */
async function withObserved(
  dataplane: Dataplane,
  { builders }: NodeTables,
  explainBy: (observed: ObservedFamilies) => Explained,
): Promise<Explained> {
  const probe = await dataplane.probe()
  if (!probe.usable) throw unusable(dataplane.name, probe)
  await dataplane.start()
  try {
    const observed = new Map<IpFamily, unknown>()
    for (const builder of builders) {
      if (!dataplane.capabilities.families.includes(builder.family)) continue
      const found = await dataplane.observe(builder.family)
      adoptObserved(dataplane, found, builder, () => builder.drain())
      observed.set(builder.family, found)
    }
    return explainBy(observed)
  } finally {
    await dataplane.stop()
  }
}
