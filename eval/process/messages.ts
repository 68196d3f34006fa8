import type { Evaluation } from '../evaluate.ts'
import type { Card, Part, PartName } from '../scorecard.ts'

/** What the process of an evaluation is told, once. */
export type Order = Evaluation

/** What it tells, besides that it is alive. */
export type Report =
  | { readonly kind: 'step'; readonly part: PartName; readonly what: string }
  | { readonly kind: 'part'; readonly part: Part }
  | { readonly kind: 'kept'; readonly scenario: string; readonly networkNamespace: string }
  | { readonly kind: 'objects'; readonly scenario: string; readonly objects: readonly object[] }
  | { readonly kind: 'card'; readonly card: Card }
