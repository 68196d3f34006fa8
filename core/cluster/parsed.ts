import type { ClusterRecord, ObjectProblem, Unserved } from './records.ts'

/**
 * What a parser makes of one object, whatever it was given. Parsers never throw and never keep a reference to what
 * they were given, so a source can let go of a list's text at once.
 *
 * `record` is absent for an object that isn't ours (`unserved` says why: no problem then) and for one that is broken
 * beyond use (a problem with `skipped: 'object'` says why). In both cases a source delivers a `remove` of `key`, because
 * the object may have been ours before.
 */
export interface Parsed<Record extends ClusterRecord> {
  /** As in the record; empty where the object has no usable name, so that there is nothing to remove either. */
  readonly key: string
  readonly record: Record | undefined
  readonly problems: readonly ObjectProblem[]
  readonly unserved?: Unserved
}
