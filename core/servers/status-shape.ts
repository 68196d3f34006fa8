/** What a field is to be; says what is wrong with a value, by its path: `families[0].routes is no number`. */
type Shape = (value: unknown, path: string) => string | undefined

const ofType =
  (type: 'string' | 'number' | 'boolean', named: string): Shape =>
  (value, path) =>
    typeof value === type ? undefined : `${path} is no ${named}`

const text = ofType('string', 'text')
const number = ofType('number', 'number')
const flag = ofType('boolean', 'true or false')

const orNull =
  (shape: Shape): Shape =>
  (value, path) =>
    value === null ? undefined : shape(value, path)

const listOf =
  (shape: Shape): Shape =>
  (value, path) =>
    Array.isArray(value)
      ? firstOf(value.map((item, index) => () => shape(item, `${path}[${index}]`)))
      : `${path} is no list`

const recordOf =
  (shape: Shape): Shape =>
  (value, path) =>
    isObject(value)
      ? firstOf(
          Object.entries(value).map(
            ([name, item]) =>
              () =>
                shape(item, `${path}.${name}`),
          ),
        )
      : `${path} is no object`

/** Fields that it doesn't name may be there: a newer version has more. */
const object =
  (fields: Readonly<Record<string, Shape>>): Shape =>
  (value, path) =>
    isObject(value)
      ? firstOf(
          Object.entries(fields).map(
            ([name, shape]) =>
              () =>
                shape(value[name], `${path}.${name}`.replace(/^\./, '')),
          ),
        )
      : `${path === '' ? 'it' : path} is no object`

const report = object({
  version: text,
  pid: number,
  node: text,
  dataplane: text,
  since: text,
  now: text,
  well: flag,
  families: listOf(
    object({
      family: text,
      routes: number,
      inSync: orNull(text),
      unappliedSince: orNull(text),
      late: flag,
      failures: number,
      degraded: number,
    }),
  ),
  source: object({
    description: text,
    read: listOf(object({ resource: text, resourceVersion: text, age: number })),
  }),
  problems: listOf(object({ problem: text })),
  skipped: recordOf(number),
  drift: object({
    findings: number,
    unrepaired: number,
    last: orNull(object({ family: text, found: text, repaired: orNull(text), findings: listOf(text) })),
  }),
})

/** Why something is no `StatusReport`, by its first field that isn't as it should be; `undefined`: it is one. */
export function statusFault(said: unknown): string | undefined {
  return report(said, '')
}

function firstOf(faults: readonly (() => string | undefined)[]): string | undefined {
  for (const fault of faults) {
    const found = fault()
    if (found !== undefined) return found
  }
  return undefined
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
