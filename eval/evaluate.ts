import type { BenchResults } from '@portolan/bench'
import { evaluateConformance } from './parts/conformance.ts'
import { evaluateConvergence } from './parts/convergence.ts'
import { describe, type Tell } from './parts/failure.ts'
import { evaluateOperation } from './parts/operation.ts'
import { evaluateShape } from './parts/shape.ts'
import { evaluateSpeed } from './parts/speed.ts'
import { type Card, type Part, type PartName, partNames, unasked } from './scorecard.ts'
import { loadSubject, type Subject } from './subject.ts'

/** What is asked about one dataplane. Plain data, for a process of its own. */
export interface Evaluation {
  /** As `--dataplane` takes it, with options if need be. */
  readonly dataplane: string
  readonly parts: readonly PartName[]
  /** The source of a regular expression that names of the kit's rows are to match. */
  readonly rows?: string
  /** Leaves out what takes minutes. */
  readonly isQuick: boolean
  /** Sizes of clusters, in Services. */
  readonly services: readonly number[]
  /** Milliseconds that any one call of the dataplane may take. */
  readonly callMs: number
  /** How many times as long as on a usual machine everything takes here, but for what is measured. */
  readonly slowness: number
  /** The same while it is measured. Absent: as in `portolan run`. */
  readonly measuredCallMs?: number
  /** Keeps the node of the first scenario with a failed row, and asks nothing after it. */
  readonly keeps?: boolean
  /** Path of the module with the kit's hooks; absent: looked for in the dataplane's package. */
  readonly underTest?: string
  /** How a person would type it, and Portolan's version. */
  readonly command: string
  readonly version: string
}

/** Told of what happens, as it happens. */
export interface Watcher {
  /** A part begins, or something within it. */
  step(part: PartName, what: string): void
  /** A part has ended. */
  part(part: Part): void
  /** The node of a scenario with a failed row stays, and everything waits for as long as the promise does. */
  kept(scenario: string, networkNamespace: string): Promise<void>
  /** A scenario of the kit has a failed row: all objects of its cluster. */
  objects(scenario: string, objects: readonly object[]): void
}

/** Why what comes after a part can't be asked where it fails. */
const stopsHere: readonly PartName[] = ['shape', 'convergence']

/** Asks one part after the other. What a dataplane throws becomes a failed check. */
export async function evaluate(evaluation: Evaluation, watcher: Watcher): Promise<Card> {
  const { dataplane } = evaluation
  const parts: Part[] = []
  let subject: Subject
  try {
    watcher.step('shape', 'it can be loaded')
    subject = await loadSubject(dataplane, evaluation.underTest)
  } catch (error) {
    const loads = { name: 'it can be loaded', outcome: 'failed', detail: describe(error) } as const
    const shape: Part = { name: 'shape', outcome: 'failed', checks: [loads], advice: [], seconds: 0 }
    watcher.part(shape)
    return { dataplane, parts: [shape, ...partNames.slice(1).map((name) => unasked(name, 'not reached'))] }
  }
  let figures: BenchResults | undefined
  let isStopped = false
  const ask = async (name: PartName): Promise<Part> => {
    const tell: Tell = (what) => watcher.step(name, what)
    switch (name) {
      case 'shape':
        return await evaluateShape(subject, tell)
      case 'convergence':
        return await evaluateConvergence(subject, evaluation, tell)
      case 'conformance': {
        const { rows, isQuick, callMs, slowness, keeps = false } = evaluation
        const keepNode = async (scenario: string, networkNamespace: string) => {
          isStopped = true
          await watcher.kept(scenario, networkNamespace)
        }
        const keepObjects = watcher.objects.bind(watcher)
        const options = {
          isQuick,
          callMs,
          slowness,
          keepObjects,
          ...(keeps ? { keepNode } : {}),
          ...(rows === undefined ? {} : { rows: new RegExp(rows) }),
        }
        return await evaluateConformance(subject, options, tell)
      }
      case 'speed': {
        const measured = await evaluateSpeed(dataplane, evaluation, tell)
        figures = measured.figures
        return measured.part
      }
      case 'operation':
        return await evaluateOperation(subject, figures, evaluation, tell)
    }
  }
  for (const name of partNames) {
    const isAsked = evaluation.parts.includes(name)
    const part = !isAsked
      ? unasked(name, 'left out')
      : isStopped
        ? unasked(name, 'not reached')
        : await ask(name).catch((error: unknown) => brokenOff(name, error))
    if (part.outcome === 'failed' && stopsHere.includes(name)) isStopped = true
    parts.push(part)
    watcher.part(part)
  }
  return { dataplane, name: subject.factory.name, parts, ...(figures === undefined ? {} : { figures }) }
}

function brokenOff(name: PartName, error: unknown): Part {
  const check = { name: 'it can be asked to its end', outcome: 'failed', detail: describe(error) } as const
  return { name, outcome: 'failed', checks: [check], advice: [], seconds: 0 }
}
