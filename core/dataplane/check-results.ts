import type { IpFamily } from '../network/address.ts'
import type { ObservedSets } from '../table/routing-table.ts'
import type { CompiledProgram, Degraded } from './compiled-program.ts'
import type { TraceStep } from './compiler.ts'
import type { ApplyReport, CleanupReport, DrainReport, ForgottenFlows, ProbeReport } from './kernel.ts'

/** What a method returned: usable as it is, or made usable, and then what is wrong with it. */
export interface Checked<Result> {
  readonly result: Result
  /** Absent: nothing is wrong. Completes a sentence that begins with the method: `returned undefined; ...`. */
  readonly wrong?: string
}

/** A probe that can't be understood counts as one that found the node unusable. */
export function checkProbeReport(value: unknown): Checked<ProbeReport> {
  const report = value as ProbeReport
  const valid =
    isObject(value) &&
    typeof value.usable === 'boolean' &&
    isObject(value.facts) &&
    isListOf(value.problems, (one) => isObject(one) && isText(one.what) && isText(one.fix))
  if (valid) return { result: report }
  const wrong = `returned ${shown(value)}; a ProbeReport has usable, problems (what, fix) and facts`
  return { result: { usable: false, problems: [], facts: {} }, wrong }
}

/**
 * A report is about a program that has been applied, so a broken one must not look like a failure: what can be read of
 * it is kept.
 */
export function checkApplyReport(value: unknown): Checked<ApplyReport> {
  const fields = isObject(value) ? value : {}
  const valid =
    isCount(fields.bytes) && (fields.degraded === undefined || isListOf(fields.degraded, isDegraded))
  if (valid) return { result: value as ApplyReport }
  return {
    result: {
      bytes: isCount(fields.bytes) ? fields.bytes : 0,
      degraded: Array.isArray(fields.degraded) ? fields.degraded.filter(isDegraded) : [],
    },
    wrong:
      `returned ${shown(value)}; an ApplyReport has bytes (a whole number from 0) and may have degraded ` +
      '(a list of route and reason)',
  }
}

/** A program that can't be read can't be acted on: `result` is of no use then. */
export function checkProgram<Program extends CompiledProgram>(
  value: Program,
  family: IpFamily,
  method: 'compile' | 'reconcile',
): Checked<Program> {
  const program: unknown = value
  const valid =
    isObject(program) &&
    program.family === family &&
    isCount(program.operations) &&
    isListOf(program.degraded, isDegraded) &&
    (method === 'reconcile' ? areFindings(program) : isListOf(program.findings, isText))
  if (valid) return { result: value }
  const { operations, findings, degraded } = isObject(program) ? program : {}
  const seen = isObject(program) ? { family: program.family, operations, findings, degraded } : program
  const wrong =
    `returned ${shown(seen)}; a program has the family ${family}, operations (a whole number from 0), findings ` +
    '(texts) and degraded (a list of route and reason)'
  return { result: value, wrong }
}

/**
 * Of `reconcile`: `compile` finds nothing, and its way is every change's. A getter is taken on trust: what it gives may take
 * long to find, and often nothing asks for it.
 */
function areFindings(program: Record<string, unknown>): boolean {
  const isGetter = Object.getOwnPropertyDescriptor(program, 'findings')?.get !== undefined
  return isGetter || isListOf(program.findings, isText)
}

function isDegraded(one: unknown): one is Degraded {
  return isObject(one) && isText(one.route) && isText(one.reason)
}

export function checkForgottenFlows(value: unknown): Checked<ForgottenFlows> {
  const fields = isObject(value) ? value : {}
  if (isCount(fields.read) && isCount(fields.deleted)) return { result: value as ForgottenFlows }
  return {
    result: { read: 0, deleted: 0 },
    wrong: `returned ${shown(value)}; ForgottenFlows are read and deleted (whole numbers from 0)`,
  }
}

export function checkCleanupReport(value: unknown): Checked<CleanupReport> {
  const fits =
    isObject(value) && isListOf(value.removed, isText) && (value.absent === undefined || isText(value.absent))
  if (fits) return { result: value as unknown as CleanupReport }
  return {
    result: { removed: [] },
    wrong: `returned ${shown(value)}; a CleanupReport has removed, a list of texts`,
  }
}

/** One that can't be understood holds nothing up for ever: waiting has an end. */
export function checkDrainReport(value: unknown): Checked<DrainReport> {
  if (isObject(value) && isCount(value.connections)) return { result: { connections: value.connections } }
  return {
    result: { connections: 1 },
    wrong: `returned ${shown(value)}; a DrainReport has connections, a whole number from 0`,
  }
}

/** `undefined` where order means nothing to the dataplane; so does a value that is no list of keys. */
export function checkEndpointOrder(value: unknown): Checked<readonly string[] | undefined> {
  if (value === undefined || isListOf(value, isText))
    return { result: value as readonly string[] | undefined }
  return {
    result: undefined,
    wrong: `returned ${shown(value)}; a list of endpoint keys or undefined is allowed`,
  }
}

/** `undefined` where the dataplane doesn't tell. */
export function checkObservedSets(value: unknown): Checked<ObservedSets | undefined> {
  if (value === undefined) return { result: undefined }
  const fits =
    isObject(value) && isListOf(value.nodePortAddresses, isText) && isListOf(value.serviceCidrs, isText)
  if (fits) return { result: value as unknown as ObservedSets }
  const wrong = `returned ${shown(value)}; ObservedSets are nodePortAddresses and serviceCidrs, lists of texts`
  return { result: undefined, wrong }
}

export function checkText(value: unknown): Checked<string> {
  if (isText(value)) return { result: value }
  return { result: '', wrong: `returned ${shown(value)} instead of text` }
}

export function checkLines(value: unknown): Checked<readonly string[]> {
  if (isListOf(value, isText)) return { result: value as readonly string[] }
  return { result: [], wrong: `returned ${shown(value)} instead of a list of texts` }
}

/** A step is a text, or an object with one. */
export function checkTrace<Observed>(value: unknown): Checked<readonly (string | TraceStep<Observed>)[]> {
  const isStep = (one: unknown): boolean =>
    isText(one) ||
    (isObject(one) && isText(one.text) && (one.lacks === undefined || typeof one.lacks === 'function'))
  if (isListOf(value, isStep)) return { result: value as readonly (string | TraceStep<Observed>)[] }
  return { result: [], wrong: `returned ${shown(value)} instead of a list of steps` }
}

/** Whatever isn't `true` counts as unsure. */
export function checkUnchanged(value: unknown): Checked<boolean> {
  if (typeof value === 'boolean') return { result: value }
  return { result: false, wrong: `returned ${shown(value)} instead of true or false` }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0
}

function isListOf(value: unknown, isOne: (one: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isOne)
}

/** Short enough for a log line, and never throws, whatever the value is. */
function shown(value: unknown): string {
  if (value === undefined || typeof value === 'function' || typeof value === 'symbol') return typeof value
  try {
    const text = JSON.stringify(value) ?? typeof value
    return text.length > 100 ? `${text.slice(0, 100)}...` : text
  } catch {
    return `an object that JSON can't write`
  }
}
