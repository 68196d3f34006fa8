import { formatDuration, parseDuration } from './duration.ts'
import { type FieldKind, integer, isMapping, maxInt32, splitList } from './field-kind.ts'

/** Milliseconds; a file may also have nanoseconds, as a number (component-base's TimeOrMetaDuration). */
export const flushFrequency: FieldKind<number> = {
  name: 'duration',
  expects: 'a duration above 0, such as 5s',
  fromText: (text) => parseDuration(text) || undefined,
  fromDocument: (value) =>
    typeof value === 'string'
      ? parseDuration(value) || undefined
      : typeof value === 'number' && value > 0
        ? value / 1e6
        : undefined,
  toDocument: formatDuration,
}

export interface FileVerbosity {
  readonly filePattern: string
  readonly verbosity: number
}

const verbosity = integer(0, maxInt32)

/** `reflector=4,node*=2` after a flag; a list of mappings in a file. */
export const vmodule: FieldKind<readonly FileVerbosity[]> = {
  name: 'pattern=N',
  expects: "patterns of kube-proxy's files with their verbosity, such as reflector=4",
  fromText: (text) =>
    all(splitList(text), (part) => {
      const [, filePattern, level = ''] = /^([^=]+)=(.*)$/.exec(part) ?? []
      return fileVerbosity(filePattern, verbosity.fromText(level))
    }),
  fromDocument: (value) =>
    Array.isArray(value)
      ? all(value, (item: unknown) =>
          isMapping(item)
            ? fileVerbosity(item.filePattern, verbosity.fromDocument(item.verbosity))
            : undefined,
        )
      : undefined,
  toDocument: (value) => value,
}

function fileVerbosity(filePattern: unknown, level: number | undefined): FileVerbosity | undefined {
  if (typeof filePattern !== 'string' || !/^[^=,]+$/.test(filePattern) || level === undefined)
    return undefined
  return { filePattern, verbosity: level }
}

function all<Item, Value>(
  items: readonly Item[],
  read: (item: Item) => Value | undefined,
): readonly Value[] | undefined {
  const values = items.flatMap((item) => read(item) ?? [])
  return values.length === items.length ? values : undefined
}

/** Bytes as Kubernetes writes quantities. Nothing here counts them, so the text is kept. */
export const quantity: FieldKind<string> = {
  name: 'size',
  expects: 'a number of bytes, such as 512, 4Ki or 3M',
  fromText: readQuantity,
  fromDocument: (value) =>
    typeof value === 'string' || typeof value === 'number' ? readQuantity(String(value)) : undefined,
  toDocument: (value) => value,
}

function readQuantity(text: string): string | undefined {
  return /^\d{1,18}(\.\d{1,9})?(e\d{1,2}|[kMGTPE]i?|Ki)?$/.test(text) ? text : undefined
}
