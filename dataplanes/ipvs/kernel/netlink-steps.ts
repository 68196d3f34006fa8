import { ApplyError, type IpFamily } from '@portolan/core'
import { describeErrno } from '@portolan/native'
import { type DestinationStep, inverse, type Step } from '../compile/step.ts'
import { stepText } from '../compile/step-text.ts'
import type { Applied } from './transport.ts'

/** Commands in one send: beyond this they get no cheaper, and a batch that fails has more to take back. */
const batchSteps = 128

/** `invalid`, of a destination: its address is a broadcast one of the node's, or else none of a host (ip_vs_new_dest). */
const errno = { noEntry: 2, noProcess: 3, exists: 17, invalid: 22 }

/** What the kernel said to a batch of steps, all of which it has tried. */
export interface BatchAnswer {
  readonly bytes: number
  /** The error number of each refused step, by its place in the batch from 0. */
  readonly refused: ReadonlyMap<number, number>
}

/** Hands the kernel steps that are all of elements, or all of virtual servers. */
export type SendBatch = (batch: readonly Step[]) => BatchAnswer

/**
 * Does steps in their order, a batch at a time; when one is refused, what the others have changed is taken back.
 *
 * @throws ApplyError naming the refused step, and what could not be taken back
 */
export function applySteps(family: IpFamily, steps: readonly Step[], send: SendBatch): Applied {
  let bytes = 0
  /** What was really changed, which is not always what was asked for. */
  const done: Step[] = []
  const unusable: DestinationStep[] = []
  for (const batch of batches(steps)) {
    const answer = send(batch)
    bytes += answer.bytes
    let worst: { readonly step: Step; readonly errno: number } | undefined
    for (const [index, step] of batch.entries()) {
      const code = answer.refused.get(index)
      const result = code === undefined ? { did: step } : despite(step, code, send)
      if (result.did !== undefined) done.push(result.did)
      if (result.errno === undefined) continue
      if (result.errno === errno.invalid && 'endpoint' in step) unusable.push(step)
      else worst ??= { step, errno: result.errno }
    }
    if (worst !== undefined) {
      const left = takeBack(family, done, send)
      const operation = stepText(family, worst.step)
      const { code, words } = describeErrno(worst.errno)
      const message = `the kernel refused "${operation}": ${words} (${code})`
      throw new ApplyError(message + notTakenBack(left), { operation })
    }
  }
  return { bytes, unusable }
}

/** What an error says of changes that stay although the program as a whole was refused. */
export function notTakenBack(left: readonly string[]): string {
  return left.length === 0 ? '' : `; and it could not be undone completely: ${left.join('; ')}`
}

function* batches(steps: readonly Step[]): Generator<readonly Step[]> {
  for (let start = 0; start < steps.length; ) {
    const first = steps[start]
    let end = start + 1
    while (end < steps.length && end - start < batchSteps && isOfElements(steps[end]) === isOfElements(first))
      end++
    yield steps.slice(start, end)
    start = end
  }
}

export function isOfElements(step: Step | undefined): step is Extract<Step, { readonly set: unknown }> {
  return step !== undefined && 'set' in step
}

interface Result {
  /** What has changed all the same. */
  readonly did?: Step
  /** What is wrong; absent: nothing. */
  readonly errno?: number
}

/**
 * Destinations come and go by themselves when they have drained, also between a program's making and its applying; so
 * one that is there already, or no more, is only weighed or added, and one that is to go and is gone is fine.
 */
function despite(step: Step, code: number, send: SendBatch): Result {
  switch (step.do) {
    case 'delete-destination':
      return code === errno.noEntry || code === errno.noProcess ? {} : { errno: code }
    case 'delete-server':
      return code === errno.noProcess ? {} : { errno: code }
    case 'add-destination':
      return code === errno.exists
        ? retry({ ...step, do: 'weigh-destination', weight: step.weight ?? 1 }, send)
        : { errno: code }
    case 'weigh-destination':
      if (code !== errno.noEntry) return { errno: code }
      return step.weight === 0
        ? {}
        : retry({ do: 'add-destination', place: step.place, endpoint: step.endpoint }, send)
    default:
      return { errno: code }
  }
}

function retry(step: Step, send: SendBatch): Result {
  const code = send([step]).refused.get(0)
  return code === undefined ? { did: step } : { errno: code }
}

/** Latest first. @returns what was refused, in words */
function takeBack(family: IpFamily, done: readonly Step[], send: SendBatch): string[] {
  const left: string[] = []
  for (const step of done.toReversed()) {
    const undo = inverse(step)
    const code = send([undo]).refused.get(0)
    if (code !== undefined) left.push(`"${stepText(family, undo)}": ${describeErrno(code).words}`)
  }
  return left
}
