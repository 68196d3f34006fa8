import { exitCodes } from './user-error.ts'

/** What the operator gets to read about an error, and the code that the process exits with. */
export interface ErrorReport {
  readonly lines: readonly string[]
  readonly exitCode: number
}

/**
 * An error that says what to do (`fix`) or has a code that we gave it is told in a line or two. Anything else is a
 * defect of Portolan and comes with its stack, because only that helps to fix it.
 */
export function reportError(error: unknown): ErrorReport {
  if (isFileError(error)) {
    const lines = [`portolan: can't read ${error.path}: ${error.message.split(',')[0]}`, fixFile]
    return { lines, exitCode: exitCodes.failure }
  }
  if (!(error instanceof Error)) return { lines: [`portolan: ${String(error)}`], exitCode: exitCodes.failure }
  const { fix, code, exitCode } = error as Error & { fix?: unknown; code?: unknown; exitCode?: unknown }
  const known = typeof code === 'string'
  const told = known ? error.message : (error.stack ?? error.message)
  const lines = told.split('\n').map((line) => (line.startsWith(' ') ? line : `portolan: ${line}`))
  if (typeof fix === 'string') lines.push(`  fix: ${fix}`)
  if (!known) lines.push('  this is a defect of Portolan: please report it with the lines above')
  return {
    lines,
    exitCode: usageCodes.has(code) ? exitCodes.usage : numberOr(exitCode, exitCodes.failure),
  }
}

/** What is wrong is what was typed. */
const usageCodes: ReadonlySet<unknown> = new Set([
  'CONFIG_INVALID',
  'DATAPLANE_SETTING_INVALID',
  'QUESTION_INVALID',
])

const fixFile = '  fix: check the path and its permissions'

function isFileError(error: unknown): error is NodeJS.ErrnoException & { readonly path: string } {
  const { path, syscall } = error as { readonly path?: unknown; readonly syscall?: unknown }
  return (
    error instanceof Error && typeof path === 'string' && ['open', 'stat', 'read'].includes(String(syscall))
  )
}

function numberOr(value: unknown, standard: number): number {
  return typeof value === 'number' ? value : standard
}
