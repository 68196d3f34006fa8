import type { FieldKind } from './field-kind.ts'

/** One field of a configuration, as data: reading, defaults, help and the reference page follow from it. */
export interface Field<Value> {
  readonly kind: FieldKind<Value>
  readonly standard: Value
  /** What it decides, in a line. */
  readonly means: string
  /**
   * How it is honoured. Absent: as kube-proxy does. `differs`: what it does here, for the values `of` which this is true;
   * without it for all but the default. `ignored`: why it does nothing here.
   */
  readonly standing?:
    | { readonly differs: string; readonly of?: (value: unknown) => boolean }
    | { readonly ignored: string }
  /** Whether the empty text, or a duration or number of 0, in a file stands for the default, as it does in kube-proxy. */
  readonly emptyIsStandard?: true
}

export type Fields = Readonly<Record<string, Field<unknown>>>

/** A value for each field, by its path: `conntrack.maxPerCore`. */
export type ValuesOf<F> = {
  readonly [Path in keyof F]: F[Path] extends Field<infer Value> ? Value : never
}

/** What one flag or line of a file says. */
export interface Given {
  readonly value: unknown
  /** As the operator wrote it, for messages. */
  readonly text: string
  /** `--cluster-cidr`, or the path of the field. */
  readonly setting: string
  /** `config.conf:12`; absent: a flag. */
  readonly at?: string
}

/** What was given, by the paths of the fields. */
export type GivenValues = ReadonlyMap<string, Given>

/** The defaults, with what was given put over them; a later map goes before an earlier one. */
export function valuesOf<const F extends Fields>(fields: F, ...given: readonly GivenValues[]): ValuesOf<F> {
  const values = Object.entries(fields).map(([path, { standard }]) => {
    const found = given.findLast((one) => one.has(path))?.get(path)
    return [path, found === undefined ? standard : found.value]
  })
  return Object.fromEntries(values) as ValuesOf<F>
}

/** `{ 'a.b': 1 }` as `{ a: { b: 1 } }`, each value as a file holds it. */
export function toDocument(
  fields: Fields,
  values: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const document: Record<string, unknown> = {}
  for (const [path, { kind }] of Object.entries(fields)) {
    const names = path.split('.')
    const last = names.pop() ?? path
    let place = document
    for (const name of names) {
      place[name] ??= {}
      place = place[name] as Record<string, unknown>
    }
    place[last] = kind.toDocument(values[path])
  }
  return document
}
