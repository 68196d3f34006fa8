import type { HeldSets } from '../table/routing-table.ts'
import type { ApplyReport, CleanupReport, ProbeReport, ProgramSize, TraceStep } from './contract.ts'

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
  const isDegraded = (one: unknown): boolean => isObject(one) && isText(one.route) && isText(one.reason)
  const valid =
    isCount(fields.operations) &&
    isCount(fields.bytes) &&
    isListOf(fields.degraded, isDegraded) &&
    (fields.notices === undefined || isListOf(fields.notices, isText))
  if (valid) return { result: value as ApplyReport }
  const list = (some: unknown, isOne: (one: unknown) => boolean): never[] =>
    Array.isArray(some) ? (some.filter(isOne) as never[]) : []
  return {
    result: {
      operations: isCount(fields.operations) ? fields.operations : 0,
      bytes: isCount(fields.bytes) ? fields.bytes : 0,
      degraded: list(fields.degraded, isDegraded),
      notices: list(fields.notices, isText),
    },
    wrong:
      `returned ${shown(value)}; an ApplyReport has operations and bytes (whole numbers from 0) and degraded ` +
      '(a list of route and reason)',
  }
}

/** A size that can't be read can't be acted on: `result` is of no use then. */
export function checkProgramSize(value: unknown): Checked<ProgramSize> {
  const size = value as ProgramSize
  if (isObject(value) && isCount(value.operations) && isListOf(value.findings, isText))
    return { result: size }
  const wrong = `returned ${shown(value)}; a ProgramSize has operations (a whole number from 0) and findings (texts)`
  return { result: size, wrong }
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
export function checkHeldSets(value: unknown): Checked<HeldSets | undefined> {
  if (value === undefined) return { result: undefined }
  const fits =
    isObject(value) && isListOf(value.nodePortAddresses, isText) && isListOf(value.serviceCidrs, isText)
  if (fits) return { result: value as unknown as HeldSets }
  const wrong = `returned ${shown(value)}; HeldSets are nodePortAddresses and serviceCidrs, lists of texts`
  return { result: undefined, wrong }
}

export function checkText(value: unknown): Checked<string> {
  if (isText(value)) return { result: value }
  return { result: '', wrong: `returned ${shown(value)} in place of text` }
}

export function checkLines(value: unknown): Checked<readonly string[]> {
  if (isListOf(value, isText)) return { result: value as readonly string[] }
  return { result: [], wrong: `returned ${shown(value)} in place of a list of texts` }
}

/** A step is a text, or an object with one. */
export function checkTrace(value: unknown): Checked<readonly (string | TraceStep<unknown>)[]> {
  const isStep = (one: unknown): boolean =>
    isText(one) ||
    (isObject(one) && isText(one.text) && (one.lacks === undefined || typeof one.lacks === 'function'))
  if (isListOf(value, isStep)) return { result: value as readonly (string | TraceStep<unknown>)[] }
  return { result: [], wrong: `returned ${shown(value)} in place of a list of steps` }
}

/** Whatever isn't `true` counts as unsure. */
export function checkUnchanged(value: unknown): Checked<boolean> {
  if (typeof value === 'boolean') return { result: value }
  return { result: false, wrong: `returned ${shown(value)} in place of true or false` }
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
