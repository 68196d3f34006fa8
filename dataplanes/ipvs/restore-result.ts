import { endpointKey } from '@portolan/core'
import type { Step } from './step.ts'
import { type ServerKey, sameTerms, serverKey, type VirtualServer } from './virtual-server.ts'

/** What became of the steps that one program of the system was given. */
export interface BatchResult {
  /** Steps that were done, and that taking back has to undo. */
  readonly done: readonly Step[]
  /** A refusal that can't be mended. */
  readonly worst?: Step
}

/**
 * `ipvsadm --restore` goes on after a line that the kernel refuses, and doesn't say which: virtual servers that were read
 * back afterwards tell. A virtual server of somebody else's that stood in the way is not one that we have made.
 *
 * Destinations come and go by themselves when they have drained, so one that is there already, or no more, is only
 * weighed or added, and one that is to go and is gone is fine.
 *
 * @param held virtual servers as they are after the batch
 * @param retry does one step; whether it was done
 */
export async function resultOf(
  batch: readonly Step[],
  held: readonly VirtualServer[],
  retry: (step: Step) => Promise<boolean>,
): Promise<BatchResult> {
  const servers = new Map(held.map((server) => [serverKey(server.place), server]))
  const done: Step[] = []
  let worst: Step | undefined
  for (const step of batch) {
    if (holds(step, servers) || (await isMended(step, servers, retry))) done.push(step)
    else worst ??= step
  }
  return { done, ...(worst === undefined ? {} : { worst }) }
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
      return weightOf(step, servers) === 1
    case 'weigh-destination':
      return weightOf(step, servers) === step.weight
    case 'delete-destination':
      return weightOf(step, servers) === undefined
  }
}

async function isMended(
  step: Step,
  servers: ReadonlyMap<ServerKey, VirtualServer>,
  retry: (step: Step) => Promise<boolean>,
): Promise<boolean> {
  if (step.do === 'add-destination')
    return weightOf(step, servers) !== undefined && retry({ ...step, do: 'weigh-destination', weight: 1 })
  if (step.do !== 'weigh-destination' || weightOf(step, servers) !== undefined) return false
  if (!servers.has(serverKey(step.place))) return false
  return step.weight === 0 || retry({ do: 'add-destination', place: step.place, endpoint: step.endpoint })
}

/** `misweighed`: another weight than ours; `undefined`: there is no such destination. */
function weightOf(
  { place, endpoint }: Extract<Step, { readonly endpoint: unknown }>,
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
