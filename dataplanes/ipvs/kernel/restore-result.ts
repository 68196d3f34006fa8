import { endpointKey } from '@portolan/core'
import type { DestinationStep, Step } from '../compile/step.ts'
import { type ServerKey, sameTerms, serverKey, type VirtualServer } from '../layout/virtual-server.ts'

/** What ipvsadm says of a destination at a broadcast address, or another that is none of a host. */
const notUnicast = /not unicast/

/** What became of the steps that one program of the system was given. */
export interface BatchResult {
  /** Steps that were done, and that taking back has to undo. */
  readonly done: readonly Step[]
  /** Destinations whose address the kernel doesn't take. */
  readonly unusable: readonly DestinationStep[]
  /** A refusal that can't be fixed. */
  readonly worst?: Step
}

/**
 * `ipvsadm --restore` goes on after a line that the kernel refuses, and doesn't say which: virtual servers that were read
 * back afterwards tell. A virtual server of another tool that stood in the way is not one that we have made.
 *
 * Destinations come and go by themselves when they have drained, so one that is there already, or no more, is only
 * weighed or added, and one that is to go and is gone is fine.
 *
 * @param observed virtual servers as they are after the batch
 * @param output what ipvsadm complained of
 * @param retry does one step; what ipvsadm complained of then
 */
export async function resultOf(
  batch: readonly Step[],
  observed: readonly VirtualServer[],
  output: string,
  retry: (step: Step) => Promise<string | undefined>,
): Promise<BatchResult> {
  const servers = new Map(observed.map((server) => [serverKey(server.place), server]))
  const done: Step[] = []
  const unusable: DestinationStep[] = []
  let worst: Step | undefined
  for (const step of batch) {
    if (holds(step, servers)) {
      done.push(step)
      continue
    }
    const { did, left } = await despite(step, servers, output, retry)
    if (did !== undefined) done.push(did)
    if (left === undefined) continue
    if ('endpoint' in step && notUnicast.test(left)) unusable.push(step)
    else worst ??= step
  }
  return { done, unusable, ...(worst === undefined ? {} : { worst }) }
}

function holds(step: Step, servers: ReadonlyMap<ServerKey, VirtualServer>): boolean {
  if ('set' in step) return true
  const server = servers.get(serverKey(step.place))
  switch (step.do) {
    case 'add-server':
    case 'edit-server':
      return server !== undefined && sameTerms(server.terms, step.terms)
    case 'delete-server':
      return server === undefined
    case 'add-destination':
      return weightOf(step, servers) === (step.weight ?? 1)
    case 'weigh-destination':
      return weightOf(step, servers) === step.weight
    case 'delete-destination':
      return weightOf(step, servers) === undefined
  }
}

interface Result {
  /** What was done in place of the step, which is what taking back has to undo. */
  readonly did?: Step
  /** The complaint that is left; absent: none. */
  readonly left?: string
}

async function despite(
  step: Step,
  servers: ReadonlyMap<ServerKey, VirtualServer>,
  output: string,
  retry: (step: Step) => Promise<string | undefined>,
): Promise<Result> {
  if (!('endpoint' in step) || !servers.has(serverKey(step.place))) return { left: noServer }
  const instead = async (other: Step): Promise<Result> => {
    const left = await retry(other)
    return left === undefined ? { did: other } : { left }
  }
  const weight = weightOf(step, servers)
  if (step.do === 'add-destination')
    return weight === undefined
      ? { left: output }
      : instead({ ...step, do: 'weigh-destination', weight: step.weight ?? 1 })
  if (step.do !== 'weigh-destination' || weight !== undefined) return { left: output }
  if (step.weight === 0) return {}
  return instead({ do: 'add-destination', place: step.place, endpoint: step.endpoint })
}

const noServer = 'no such virtual server'

/** `misweighed`: another weight than ours; `undefined`: there is no such destination. */
function weightOf(
  { place, endpoint }: DestinationStep,
  servers: ReadonlyMap<ServerKey, VirtualServer>,
): 0 | 1 | 'misweighed' | undefined {
  const server = servers.get(serverKey(place))
  const key = endpointKey(endpoint)
  const among = (list: VirtualServer['endpoints'] | undefined) =>
    list?.some((one) => endpointKey(one) === key) === true
  if (among(server?.endpoints)) return 1
  if (among(server?.draining)) return 0
  return among(server?.misweighed) ? 'misweighed' : undefined
}
