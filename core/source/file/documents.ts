import { shownName } from '../../cluster/problem-report.ts'
import { isRawObject } from '../../cluster/raw-object.ts'
import { CodedError } from '../../error/coded-error.ts'

/** Codes of {@link ClusterFileError}: when it happens, and the fix. */
export const clusterFileErrorCodes = {
  CLUSTER_FILE_UNREADABLE: {
    when: 'the file of --source file: is too large, has no object in it, or is not YAML or JSON at the line and column named',
    fix: 'correct that line; a running node keeps the last good state and reads the file again when it changes',
  },
} as const

/** A file that can't be read as a whole; nothing of it is used. */
export class ClusterFileError extends CodedError<keyof typeof clusterFileErrorCodes> {
  readonly path: string
  /** Where reading stopped making sense, from 1. */
  readonly line: number
  readonly column: number
  /** What is wrong there, without the path. */
  readonly problem: string

  constructor(path: string, line: number, column: number, problem: string) {
    super('CLUSTER_FILE_UNREADABLE', `${path}, line ${line}, column ${column}: ${problem}`, undefined)
    this.path = path
    this.line = line
    this.column = column
    this.problem = problem
  }
}

/**
 * The documents of a JSON or YAML text. What is JSON takes no YAML parser, which is slow to load
 * and slower to run. Throws {@link ClusterFileError} where the text is neither, is empty, or has no object: what a crash or
 * a mistake leaves of a file must not be taken for a cluster without Services.
 */
export async function readDocuments(text: string, path: string): Promise<readonly unknown[]> {
  if (text.trim() === '') throw nothing(path, 'the file is empty')
  const documents = await parseDocuments(text, path)
  const isEmptyList = documents.length === 0
  if (!isEmptyList && !documents.some(hasKind)) throw nothing(path, noObject)
  return documents
}

const noObject = 'nothing in it is a Kubernetes object, with a kind'

function hasKind(document: unknown): boolean {
  return isRawObject(document) && typeof document.kind === 'string' && document.kind !== ''
}

function nothing(path: string, problem: string): ClusterFileError {
  const fix = 'to say that there is nothing, write "{kind: List, items: []}"'
  return new ClusterFileError(path, 1, 1, `${problem}; ${fix}`)
}

async function parseDocuments(text: string, path: string): Promise<readonly unknown[]> {
  if (!/^\s*[[{]/.test(text)) return readYaml(text, path)
  try {
    const document: unknown = JSON.parse(text)
    return Array.isArray(document) ? document : [document]
  } catch (error) {
    if (text.length > yamlLimit) throw jsonError(error, text, path)
    return readAlmostJson(text, path, error)
  }
}

/** JSON is YAML, so what only begins like JSON may still be read; and YAML's parser knows where it failed. */
async function readAlmostJson(text: string, path: string, error: unknown): Promise<readonly unknown[]> {
  try {
    return await readYaml(text, path)
  } catch (place) {
    if (!path.endsWith('.json') || !(place instanceof ClusterFileError)) throw place
    throw new ClusterFileError(path, place.line, place.column, jsonMessage(error))
  }
}

/** Characters of broken JSON that the YAML parser may look at: more would hold everything else up for seconds. */
const yamlLimit = 4_000_000

async function readYaml(text: string, path: string): Promise<readonly unknown[]> {
  const { parseAllDocuments } = await import('yaml')
  const documents = parseAllDocuments(text, { stringKeys: true })
  for (const document of documents) {
    const [error] = document.errors
    if (error === undefined) continue
    const at = error.linePos?.[0] ?? endOf(text)
    const [message = 'cannot be read'] = error.message.split('\n')
    throw new ClusterFileError(
      path,
      at.line,
      at.col,
      plain(message.replace(/ at line \d+, column \d+:?$/, '')),
    )
  }
  const values = documents.map((document): unknown => {
    try {
      // Aliases are counted by the library, so that a few lines can't grow into gigabytes. Through JSON, because its
      // strings are copies: the library's are parts of the text, and one address would keep all of it in memory.
      return JSON.parse(JSON.stringify(document.toJS() ?? null)) as unknown
    } catch (error) {
      throw new ClusterFileError(path, 1, 1, plain(error instanceof Error ? error.message : String(error)))
    }
  })
  // Comments alone.
  if (values.length === 0) throw nothing(path, noObject)
  // A list of objects, as in JSON.
  const [only] = values
  return values.length === 1 && Array.isArray(only) ? only : values
}

function jsonError(error: unknown, text: string, path: string): ClusterFileError {
  const at = /\(line (\d+) column (\d+)\)/.exec(String(error))
  const { line, col } = at === null ? endOf(text) : { line: Number(at[1]), col: Number(at[2]) }
  return new ClusterFileError(path, line, col, jsonMessage(error))
}

/** The engine's message without the place and the excerpt. */
function jsonMessage(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return plain(
    message.replace(/ in JSON at position.*$/s, '').replace(/,? (\.\.\.)?".*" is not valid JSON$/s, ''),
  )
}

function endOf(text: string): { readonly line: number; readonly col: number } {
  const lines = text.split('\n')
  return { line: lines.length, col: (lines.at(-1)?.length ?? 0) + 1 }
}

function plain(message: string): string {
  return shownName(message, 160)
}
