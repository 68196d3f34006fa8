import { readFile } from 'node:fs/promises'
import { CodedError } from '@portolan/core'
import * as v from 'valibot'
import { type MetricName, metrics } from '../metrics.ts'
import { type BenchResults, type Result, schemaVersion } from '../results.ts'

/** Codes of {@link ResultsError}: when it happens, and the fix. */
export const resultsErrorCodes = {
  RESULTS_UNREADABLE: {
    when: 'a results file is missing, is not one, or is of another version',
    fix: 'name another file, or measure again',
  },
} as const

/** A results file can't be used; `message` names the file and what is wrong with it, `fix` what to do. */
export class ResultsError extends CodedError<keyof typeof resultsErrorCodes> {
  readonly exitCode = 2

  constructor(message: string, fix: string, options?: ErrorOptions) {
    super('RESULTS_UNREADABLE', message, fix, options)
  }
}

export interface ReadResults {
  readonly results: BenchResults
  /** A line for each result that was left out, with the reason. */
  readonly problems: readonly string[]
}

const text = v.string('must be a text')
const number = v.pipe(v.number('must be a number'), v.finite('must be a number'))
/** What only describes: a file without it can be compared all the same. */
const anyText = v.fallback(text, '')
const anyNumber = v.fallback(number, 0)

const runs = 'must be a list of at least one number'
const bound = 'needs p50 and p99'

const resultSchema = v.looseObject({
  dataplane: text,
  scenario: text,
  metric: v.pipe(
    text,
    v.check((name) => Object.hasOwn(metrics, name), 'unknown to this version'),
  ),
  services: number,
  endpointsPerService: number,
  p50: number,
  p90: number,
  p99: number,
  max: number,
  samples: number,
  runs: v.pipe(v.array(v.pipe(v.number(runs), v.finite(runs)), runs), v.minLength(1, runs)),
  lowerBound: v.optional(v.looseObject({ p50: v.number(bound), p99: v.number(bound) }, bound)),
})

const failureSchema = v.object({
  dataplane: text,
  services: number,
  endpointsPerService: number,
  run: anyNumber,
  scenario: anyText,
  reason: anyText,
})

const candidateSchema = v.object({
  name: text,
  kind: v.fallback(v.picklist(['dataplane', 'baseline', 'external']), 'dataplane'),
  variant: v.fallback(v.optional(text), undefined),
  usable: v.fallback(v.boolean(), false),
  reason: anyText,
})

const fileSchema = v.object({
  command: anyText,
  machine: v.object(
    {
      kernel: anyText,
      cpu: anyText,
      architecture: anyText,
      cores: anyNumber,
      memoryBytes: anyNumber,
      versions: v.fallback(v.record(v.string(), anyText), {}),
      date: anyText,
    },
    'must be an object',
  ),
  dataplanes: v.fallback(v.array(v.unknown()), []),
  results: v.array(v.unknown(), 'must be a list'),
  failures: v.fallback(v.array(v.unknown()), []),
})

/** @throws ResultsError when the file can't be read, or is none of ours */
export async function readResults(path: string): Promise<ReadResults> {
  let content: string
  try {
    content = await readFile(path, 'utf8')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split(',')[0] : String(cause)
    throw new ResultsError(`can't read ${path}: ${reason}`, 'check the path and its permissions', { cause })
  }
  return parseResults(content, path)
}

/** @param path named in errors */
export function parseResults(content: string, path: string): ReadResults {
  const foreign = (problem: string): ResultsError =>
    new ResultsError(`${path}: ${problem}`, 'give a results.json that portolan bench wrote')
  let read: unknown
  try {
    read = JSON.parse(content)
  } catch (cause) {
    throw foreign(`not JSON: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
  if (!isObject(read)) throw foreign('not an object')
  if (read.schemaVersion !== schemaVersion) {
    throw new ResultsError(
      `${path}: schemaVersion ${show(read.schemaVersion)}: must be ${schemaVersion}`,
      `run the benchmark again with the version that compares`,
    )
  }
  const file = v.safeParse(fileSchema, withAllKeys(fileSchema, read))
  if (!file.success) throw foreign(`${fieldOf(file.issues[0])}: ${file.issues[0].message}`)
  const { command, machine, dataplanes, results, failures } = file.output
  const problems: string[] = []
  const known = new Set<string>()
  const readResult = (entry: unknown, at: number): Result[] => {
    const problem = findProblem(entry, known)
    if (problem === undefined) return [entry as Result]
    problems.push(`${path}: results[${at}] (left out): ${problem}`)
    return []
  }
  const readFailure = (entry: unknown, at: number) => {
    const failure = v.safeParse(failureSchema, entry)
    if (failure.success) return [failure.output]
    problems.push(`${path}: failures[${at}] (left out): ${show(entry)}: is none`)
    return []
  }
  return {
    results: {
      schemaVersion,
      command,
      machine,
      dataplanes: dataplanes.flatMap((entry) => {
        const candidate = v.safeParse(candidateSchema, entry)
        if (!candidate.success) return []
        const { variant, ...others } = candidate.output
        return [variant === undefined ? others : { ...others, variant }]
      }),
      results: results.flatMap(readResult),
      failures: failures.flatMap(readFailure),
    },
    problems,
  }
}

/** What is wrong with one result, with the field and the value; adds its key to those that are known. */
function findProblem(entry: unknown, known: Set<string>): string | undefined {
  if (!isObject(entry)) return `${show(entry)}: must be an object`
  const parsed = v.safeParse(resultSchema, withAllKeys(resultSchema, entry), { abortEarly: true })
  if (!parsed.success) {
    const [issue] = parsed.issues
    const field = fieldOf(issue)
    return `${field} ${show(entry[field])}: ${issue.message}`
  }
  const { dataplane, scenario, services, endpointsPerService, metric } = parsed.output
  const { unit } = metrics[metric as MetricName]
  if (entry.unit !== unit) return `unit ${show(entry.unit)}: of ${metric} it must be ${show(unit)}`
  const key = JSON.stringify([dataplane, scenario, services, endpointsPerService, metric])
  if (known.has(key)) return `${key}: is there twice; the first one counts`
  known.add(key)
  return undefined
}

/** A key that is missing is a value that is missing: so its own schema says what it must be. */
function withAllKeys(
  { entries }: { readonly entries: object },
  value: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(
    [...new Set([...Object.keys(entries), ...Object.keys(value)])].map((key) => [key, value[key]]),
  )
}

function fieldOf({ path }: { readonly path?: readonly { readonly key: unknown }[] | undefined }): string {
  return String(path?.[0]?.key)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function show(value: unknown): string {
  const shown = JSON.stringify(value) ?? 'missing'
  return shown.length > 80 ? `${shown.slice(0, 80)}...` : shown
}
