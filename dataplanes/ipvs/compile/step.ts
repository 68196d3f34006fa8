import type { Endpoint } from '@portolan/core'
import type { SetElement } from '../layout/element.ts'
import type { ServerPlace, ServerTerms } from '../layout/virtual-server.ts'

/** One operation of the kernel. */
export type Step =
  | { readonly do: 'add-server'; readonly place: ServerPlace; readonly terms: ServerTerms }
  | {
      readonly do: 'edit-server'
      readonly place: ServerPlace
      readonly terms: ServerTerms
      readonly before: ServerTerms
    }
  | { readonly do: 'delete-server'; readonly place: ServerPlace; readonly terms: ServerTerms }
  | {
      readonly do: 'add-destination' | 'delete-destination'
      readonly place: ServerPlace
      readonly endpoint: Endpoint
      /** Of one that drains: no new connections. Absent: 1. */
      readonly weight?: 0
    }
  | {
      readonly do: 'weigh-destination'
      readonly place: ServerPlace
      readonly endpoint: Endpoint
      /** 0: no new connections. */
      readonly weight: 0 | 1
    }
  | ({ readonly do: 'add-element'; readonly before?: SetElement['element'] } & SetElement)
  | ({ readonly do: 'delete-element' } & SetElement)

export type DestinationStep = Extract<Step, { readonly endpoint: unknown }>

/** What takes a step back. A deleted virtual server comes back without its destinations: they are steps of their own. */
export function inverse(step: Step): Step {
  switch (step.do) {
    case 'add-server':
      return { ...step, do: 'delete-server' }
    case 'delete-server':
      return { ...step, do: 'add-server' }
    case 'edit-server':
      return { ...step, terms: step.before, before: step.terms }
    case 'add-destination':
      return { ...step, do: 'delete-destination' }
    case 'delete-destination':
      return { ...step, do: 'add-destination' }
    case 'weigh-destination':
      return { ...step, weight: step.weight === 0 ? 1 : 0 }
    case 'add-element':
      return step.before === undefined
        ? { do: 'delete-element', set: step.set, element: step.element }
        : { do: 'add-element', set: step.set, element: step.before, before: step.element }
    case 'delete-element':
      return { ...step, do: 'add-element' }
  }
}

/**
 * Steps in the order in which no packet meets anything worse than a drop: first what keeps packets out, then what new
 * packets need, then what lets them in; then what keeps out goes where it must, and last what nothing leads to any more.
 */
export class StepOrder {
  readonly close: Step[] = []
  readonly build: Step[] = []
  readonly open: Step[] = []
  readonly leave: Step[] = []
  readonly shrink: Step[] = []

  get steps(): Step[] {
    return [...this.close, ...this.build, ...this.open, ...this.leave, ...this.shrink]
  }
}
