/** A dataplane's kernel writes with nothing around them: see lower-bound.ts. */
import type { Dataplane } from '@portolan/core'
import { loadDataplane } from '@portolan/core/dataplane'
import { GeneratedCluster } from '../cluster/generated-cluster.ts'
import { nodeObject, probeObjects } from '../cluster/probe-services.ts'
import { changeScenario } from '../scenarios/change-scenarios.ts'
import { serveCalls } from '../worker-process/serve-calls.ts'
import { BareTable } from './bare-table.ts'
import type { LowerBoundCalls, LowerBoundValues } from './lower-bound.ts'
import { type Write, WriteRecorder } from './write-recorder.ts'

// Before the dataplane's code takes its hold of what is recorded.
const recorder = new WriteRecorder()
let cleanUp = async () => {}

const calls: LowerBoundCalls = {
  async measure({ spec, module, settings, networkNamespace, scenarios }) {
    const load = () => loadDataplane(module, { masqueradeBit: 14, networkNamespace, settings })
    const dataplane = await load()
    cleanUp = () => remove(dataplane)
    const cluster = new GeneratedCluster(spec.shape)
    const bare = new BareTable()
    bare.change({ write: [...cluster.objects(), ...probeObjects(), nodeObject()] })

    await dataplane.start()
    const observed = await dataplane.observe('IPv4')
    bare.adoptOrder(dataplane, observed)
    const cold = await sample(() => dataplane.apply(dataplane.reconcile(observed, bare.table)))

    const turns = []
    for (const { name, length } of scenarios) {
      const scenario = changeScenario(name)
      const extra = scenario.objects?.() ?? []
      if (extra.length > 0) await dataplane.apply(dataplane.compile(bare.change({ write: extra })))
      const samples: Sample[] = []
      for (let turn = 0; turn < length; turn++) {
        const program = dataplane.compile(bare.change(scenario.change(cluster, turn, length)))
        samples.push(await sample(() => dataplane.apply(program)))
      }
      const values = lowerBoundOf(samples)
      turns.push(...byName(scenario, values.values).map((one) => ({ ...one, of: values.of })))
      if (extra.length > 0) await dataplane.apply(dataplane.compile(bare.change({ remove: extra })))
    }
    await remove(dataplane)

    // A node without rules again, and a dataplane that is ready to write them.
    recorder.expectSuccessor()
    const successor = await load()
    cleanUp = () => remove(successor)
    await successor.start()
    await successor.observe('IPv4')
    return [{ name: 'cold-start', ...lowerBoundOf([cold], 'once') }, ...turns]
  },
}

serveCalls(calls, () => cleanUp())

async function remove(dataplane: Dataplane): Promise<void> {
  await dataplane.stop()
  await dataplane.cleanup()
}

interface Sample {
  readonly applyMs: number
  readonly writes: readonly Write[]
}

async function sample(apply: () => Promise<unknown>): Promise<Sample> {
  let applyMs = 0
  const writes = await recorder.during(async () => {
    const begun = performance.now()
    await apply()
    applyMs = performance.now() - begun
  })
  return { applyMs, writes }
}

/** What takes this long isn't made quicker by V8, and needs no round to warm up. */
const slowMs = 5

/**
 * Sends everything again, in order; the kernel is then as it was before the first time. The first of two rounds is for
 * V8 to compile what is hot.
 */
function lowerBoundOf(samples: readonly Sample[], times?: 'once'): Omit<LowerBoundValues, 'name'> {
  if (samples.some(({ writes }) => writes.length === 0)) {
    return { of: 'apply', values: samples.map(({ applyMs }) => applyMs) }
  }
  const round = () =>
    samples.map(({ writes }) => {
      const begun = performance.now()
      for (const write of writes) write()
      return performance.now() - begun
    })
  const hot = samples.every(({ applyMs }) => applyMs < slowMs)
  if (times !== 'once' && hot) round()
  return { of: 'writes', values: round() }
}

function byName(
  { name, oddTurns }: ReturnType<typeof changeScenario>,
  values: readonly number[],
): { readonly name: string; readonly values: readonly number[] }[] {
  if (oddTurns === undefined) return [{ name, values }]
  return [
    { name, values: values.filter((_, turn) => turn % 2 === 0) },
    { name: oddTurns.name, values: values.filter((_, turn) => turn % 2 === 1) },
  ]
}
