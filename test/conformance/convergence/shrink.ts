import type { Sequence, Step } from './sequence.ts'

/**
 * A shorter sequence that fails as well: steps are left out as long as it still does, first many at once, then one by
 * one, and those that are left are made simpler.
 *
 * @param maxRuns candidates that are tried at most
 */
export async function shrink(
  sequence: Sequence,
  fails: (candidate: Sequence) => Promise<boolean>,
  maxRuns: number,
): Promise<Sequence> {
  let best = sequence
  let runs = 0
  const attempt = async (candidate: Sequence): Promise<boolean> => {
    if (runs++ >= maxRuns || !(await fails(candidate))) return false
    best = candidate
    return true
  }
  await attempt({ ...best, steps: withoutHistory(best.steps) })
  for (const family of sequence.node.families)
    if (sequence.node.families.length > 1)
      await attempt({ ...best, node: { ...best.node, families: [family] } })
  await leaveOut()
  for (let index = 0; index < best.steps.length; index++) {
    for (;;) {
      const step = best.steps[index]
      if (step === undefined || !(await anySimpler(step, index))) break
    }
  }
  await leaveOut()
  return best

  async function leaveOut(): Promise<void> {
    for (let size = best.steps.length >> 1; size > 0; size >>= 1) {
      for (let start = 0; start < best.steps.length; ) {
        const steps = [...best.steps.slice(0, start), ...best.steps.slice(start + size)]
        if (!(await attempt({ ...best, steps }))) start += size
      }
    }
  }

  async function anySimpler(step: Step, index: number): Promise<boolean> {
    for (const simpler of simplerSteps(step))
      if (await attempt({ ...best, steps: best.steps.with(index, simpler) })) return true
    return false
  }
}

/** What a process finds that starts at the end: of each object the last step, if it is still there. */
function withoutHistory(steps: readonly Step[]): readonly Step[] {
  const last = new Map<string, Step>()
  for (const step of steps) {
    if (step.do === 'set') last.set(`${step.record.kind} ${step.record.key}`, step)
    else if (step.do === 'remove') last.delete(`${step.kind} ${step.key}`)
    else if (step.do === 'local-addresses') last.set(step.do, step)
  }
  return steps.filter((step) => [...last.values()].includes(step))
}

function* simplerSteps(step: Step): Generator<Step> {
  if ((step.do === 'sync' || step.do === 'restart') && step.fault !== undefined) {
    const { fault: _, ...sound } = step
    yield sound
  }
  if (step.do !== 'set') return
  const { record } = step
  if (record.kind === 'EndpointSlice') {
    const { endpoints, ports } = record
    if (endpoints.length > 1)
      yield { ...step, record: { ...record, endpoints: endpoints.slice(0, endpoints.length >> 1) } }
    for (const list of without(endpoints)) yield { ...step, record: { ...record, endpoints: list } }
    for (const list of without(ports)) yield { ...step, record: { ...record, ports: list } }
  } else if (record.kind === 'Service') {
    const { affinitySeconds, ...rest } = record
    if (affinitySeconds !== undefined) yield { ...step, record: rest }
    for (const name of ['externalIPs', 'loadBalancerIPs', 'sourceRanges', 'clusterIPs'] as const)
      for (const list of without<string>(record[name])) yield { ...step, record: { ...record, [name]: list } }
    for (const ports of without(record.ports)) yield { ...step, record: { ...record, ports } }
    for (const [index, port] of record.ports.entries())
      if (port.nodePort !== 0)
        yield { ...step, record: { ...record, ports: record.ports.with(index, { ...port, nodePort: 0 }) } }
    for (const policy of ['internalTrafficPolicy', 'externalTrafficPolicy'] as const)
      if (record[policy] === 'Local') yield { ...step, record: { ...record, [policy]: 'Cluster' } }
    if (record.healthCheckNodePort !== 0) yield { ...step, record: { ...record, healthCheckNodePort: 0 } }
  } else if (record.kind === 'ServiceCIDR') {
    for (const cidrs of without(record.cidrs)) yield { ...step, record: { ...record, cidrs } }
  }
}

function* without<Value>(list: readonly Value[]): Generator<readonly Value[]> {
  for (let index = list.length - 1; index >= 0; index--) yield list.toSpliced(index, 1)
}
