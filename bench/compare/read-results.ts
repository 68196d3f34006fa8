import { readFile } from 'node:fs/promises'
import {
  type BenchResults,
  type Candidate,
  type Failure,
  type LowerBound,
  metrics,
  type Result,
  schemaVersion,
} from '../results.ts'

/** Codes of {@link ResultsError}: when it happens, and the fix. */
export const resultsErrorCodes = {
  RESULTS_UNREADABLE: {
    when: 'a results file is missing, is not one, or is of another version',
    fix: 'name another file, or measure again',
  },
} as const

/** A results file can't be used; `message` names the file and what is wrong with it, `mend` what to do. */
export class ResultsError extends Error {
  readonly code: keyof typeof resultsErrorCodes = 'RESULTS_UNREADABLE'
  readonly exitCode = 2
  readonly mend: string

  constructor(message: string, mend: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ResultsError'
    this.mend = mend
  }
}

export interface ReadResults {
  readonly results: BenchResults
  /** A line for each result that was left out, with the reason. */
  readonly problems: readonly string[]
}

/** @throws ResultsError when the file can't be read, or is none of ours */
export async function readResults(path: string): Promise<ReadResults> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split(',')[0] : String(cause)
    throw new ResultsError(`can't read ${path}: ${reason}`, 'check the path and its permissions', { cause })
  }
  return parseResults(text, path)
}

/** @param path named in errors */
export function parseResults(text: string, path: string): ReadResults {
  const foreign = (problem: string): ResultsError =>
    new ResultsError(`${path}: ${problem}`, 'give a results.json that portolan bench wrote')
  let file: unknown
  try {
    file = JSON.parse(text)
  } catch (cause) {
    throw foreign(`not JSON: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
  if (!isObject(file)) throw foreign('not an object')
  if (file.schemaVersion !== schemaVersion) {
    throw new ResultsError(
      `${path}: schemaVersion ${show(file.schemaVersion)}: must be ${schemaVersion}`,
      `run the benchmark again with the version that compares`,
    )
  }
  if (!isObject(file.machine)) throw foreign('machine: must be an object')
  if (!Array.isArray(file.results)) throw foreign('results: must be a list')
  const problems: string[] = []
  const results: Result[] = []
  const known = new Set<string>()
  for (const [at, entry] of file.results.entries()) {
    const problem = findProblem(entry, known)
    if (problem === undefined) results.push(entry as Result)
    else problems.push(`${path}: results[${at}] (left out): ${problem}`)
  }
  const failures = (Array.isArray(file.failures) ? file.failures : []).flatMap((entry, at) => {
    const failure = readFailure(entry)
    if (failure === undefined) problems.push(`${path}: failures[${at}] (left out): ${show(entry)}: is none`)
    return failure ?? []
  })
  const { machine } = file
  return {
    results: {
      schemaVersion,
      command: textOf(file.command),
      machine: {
        kernel: textOf(machine.kernel),
        cpu: textOf(machine.cpu),
        architecture: textOf(machine.architecture),
        cores: numberOf(machine.cores),
        memoryBytes: numberOf(machine.memoryBytes),
        versions: textsOf(machine.versions),
        date: textOf(machine.date),
      },
      dataplanes: Array.isArray(file.dataplanes) ? file.dataplanes.flatMap(readCandidate) : [],
      results,
      failures,
    },
    problems,
  }
}

const numbers = ['services', 'endpointsPerService', 'p50', 'p90', 'p99', 'max', 'samples'] as const

/** What is wrong with one result, with the field and the value; adds its key to those that are known. */
function findProblem(entry: unknown, known: Set<string>): string | undefined {
  if (!isObject(entry)) return `${show(entry)}: must be an object`
  for (const field of ['dataplane', 'scenario', 'metric'] as const) {
    if (typeof entry[field] !== 'string') return `${field} ${show(entry[field])}: must be a text`
  }
  const metric = String(entry.metric)
  if (!isMetric(metric)) return `metric ${show(metric)}: unknown to this version`
  if (entry.unit !== metrics[metric].unit) {
    return `unit ${show(entry.unit)}: of ${metric} it must be ${show(metrics[metric].unit)}`
  }
  for (const field of numbers) {
    if (!isNumber(entry[field])) return `${field} ${show(entry[field])}: must be a number`
  }
  if (!Array.isArray(entry.runs) || entry.runs.length === 0 || !entry.runs.every(isNumber)) {
    return `runs ${show(entry.runs)}: must be a list of at least one number`
  }
  if (entry.lowerBound !== undefined && !isLowerBound(entry.lowerBound))
    return `lowerBound ${show(entry.lowerBound)}: needs p50 and p99`
  const key = JSON.stringify([
    entry.dataplane,
    entry.scenario,
    entry.services,
    entry.endpointsPerService,
    metric,
  ])
  if (known.has(key)) return `${key}: is there twice; the first one counts`
  known.add(key)
  return undefined
}

function readCandidate(entry: unknown): Candidate[] {
  if (!isObject(entry) || typeof entry.name !== 'string') return []
  const kind = entry.kind === 'baseline' || entry.kind === 'external' ? entry.kind : 'dataplane'
  const variant = typeof entry.variant === 'string' ? { variant: entry.variant } : {}
  return [{ name: entry.name, kind, ...variant, usable: entry.usable === true, reason: textOf(entry.reason) }]
}

function readFailure(entry: unknown): Failure | undefined {
  if (!isObject(entry)) return undefined
  const { dataplane, services, endpointsPerService, run, scenario, reason } = entry
  if (typeof dataplane !== 'string' || !isNumber(services) || !isNumber(endpointsPerService)) return undefined
  const rest = { run: numberOf(run), scenario: textOf(scenario), reason: textOf(reason) }
  return { dataplane, services, endpointsPerService, ...rest }
}

function isMetric(name: string): name is Result['metric'] {
  return Object.hasOwn(metrics, name)
}

function isLowerBound(value: unknown): value is LowerBound {
  return isObject(value) && isNumber(value.p50) && isNumber(value.p99)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function numberOf(value: unknown): number {
  return isNumber(value) ? value : 0
}

function textsOf(value: unknown): Record<string, string> {
  if (!isObject(value)) return {}
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, text]) => (typeof text === 'string' ? [[key, text]] : [])),
  )
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'missing'
  return text.length > 80 ? `${text.slice(0, 80)}...` : text
}
