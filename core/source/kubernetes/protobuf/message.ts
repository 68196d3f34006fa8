import { WireError, type WireReader, wireTypes } from './wire-reader.ts'
import { textOfAscii } from './word-cache.ts'

/** An object as JSON has it, of the fields that are read. */
export type PlainObject = Record<string, unknown>

/** What becomes of a field of a message. */
export interface Field {
  /** In JSON. */
  readonly name: string
  readonly wireType: number
  readonly repeated: boolean
  /** What JSON leaves out where it is empty: Go's `omitempty` of what isn't a pointer. */
  readonly omitEmpty: boolean
  readonly read: (reader: WireReader) => unknown
  /** Whether `read` reads an entry of a map; `undefined` for one that isn't wanted. */
  readonly isMap: boolean
}

/** What is read of a message. All other fields are passed over. */
export interface Message {
  /** By their numbers. */
  readonly fields: readonly (Field | undefined)[]
  /** What JSON has where the message has nothing. */
  readonly zero: Readonly<PlainObject>
}

/** Fields by their numbers in upstream's generated.proto. */
export type Fields = Readonly<Record<number, Field>>

/** @param zero what JSON always has, and its value where the wire has none: Go's fields without `omitempty` */
export function message(fields: Fields, zero: PlainObject = {}): Message {
  const list: (Field | undefined)[] = []
  for (const [number, field] of Object.entries(fields)) list[Number(number)] = field
  return { fields: Array.from(list), zero }
}

const base = { wireType: wireTypes.length, repeated: false, omitEmpty: true, isMap: false } as const
const readWord = (reader: WireReader) => reader.word()
const readText = (reader: WireReader) => reader.text()

/** Text that is another in every object. */
export const text = (name: string): Field => ({ ...base, name, read: readText })
/** Text that many objects have. */
export const word = (name: string): Field => ({ ...base, name, read: readWord })
export const integer = (name: string): Field => ({
  ...base,
  name,
  wireType: wireTypes.varint,
  read: (reader) => reader.int32(),
})
export const integer64 = (name: string): Field => ({
  ...base,
  name,
  wireType: wireTypes.varint,
  read: (reader) => reader.int64(),
})
export const flag = (name: string): Field => ({
  ...base,
  name,
  wireType: wireTypes.varint,
  read: (reader) => reader.int32() !== 0,
})
/** Not left out where it is empty: a pointer in Go, or a field that JSON always has. */
export const kept = (field: Field): Field => ({ ...field, omitEmpty: false })
export const list = (field: Field): Field => ({ ...field, omitEmpty: false, repeated: true })

export const nested = (name: string, of: Message): Field => ({
  ...base,
  name,
  omitEmpty: false,
  read: (reader) => {
    const object = { ...of.zero }
    readFields(reader, reader.delimited(), of, object)
    return object
  },
})

/** Kinds of content that are remembered of a field; forgotten when there are more. */
const sharedContents = 1024

/**
 * A message that has the same few contents in thousands of objects, as conditions have: what was made of the same bytes
 * before is given again, so nobody may change it.
 */
export const shared = (field: Field): Field => {
  const known = new Map<string, unknown>()
  return {
    ...field,
    read: (reader) => {
      const begin = reader.position
      const end = reader.delimited()
      const content = textOfAscii(reader.bytes, reader.position, end)
      const made = content === undefined ? undefined : known.get(content)
      if (made !== undefined) {
        reader.position = end
        return made
      }
      reader.position = begin
      const value = field.read(reader)
      if (content !== undefined) {
        if (known.size >= sharedContents) known.clear()
        known.set(content, value)
      }
      return value
    },
  }
}

/** A map of texts, of which the entries with these keys are read. */
export const entries = (name: string, keys: ReadonlySet<string>): Field => ({
  ...base,
  name,
  omitEmpty: false,
  isMap: true,
  read: (reader) => readEntry(reader, keys),
})

/** The moment in the words of JSON, to the second; `null` for none. */
export const time = (name: string): Field => ({ ...base, name, omitEmpty: false, read: readTime })

/**
 * Reads fields up to `end`, and adds those that are wanted to the object. Throws {@link WireError}, whose message begins
 * with the path of the field.
 */
export function readFields(reader: WireReader, end: number, of: Message, object: PlainObject): void {
  const { fields } = of
  let at: Field | undefined
  let number = 0
  try {
    while (reader.position < end) {
      const tag = reader.int32() >>> 0
      number = tag >>> 3
      const field = fields[number]
      const wireType = tag & 7
      at = field
      if (field === undefined) {
        reader.skip(wireType)
        continue
      }
      if (field.wireType !== wireType)
        throw new WireError(`has the wire type ${wireType} instead of ${field.wireType}`)
      const { name } = field
      const value = field.read(reader)
      if (field.isMap) addEntry(object, name, value as Entry | undefined)
      else if (field.repeated) {
        const list = object[name] as unknown[] | undefined | null
        if (list === undefined || list === null) object[name] = [value]
        else list.push(value)
      } else if (!field.omitEmpty || (value !== '' && value !== 0 && value !== false)) object[name] = value
    }
    reader.expectWithin(end)
  } catch (error) {
    throw error instanceof WireError ? error.within(placeOf(at, number, object)) : error
  }
}

/** `ports[2]` */
function placeOf(field: Field | undefined, number: number, object: PlainObject): string {
  if (field === undefined) return `field ${number}`
  const before = object[field.name]
  return field.repeated ? `${field.name}[${Array.isArray(before) ? before.length : 0}]` : field.name
}

interface Entry {
  readonly key: string
  readonly value: string
}

const entryKey = 1
const entryValue = 2

/** Of an annotation that nobody asks for, which may have a megabyte, no text is made. */
function readEntry(reader: WireReader, keys: ReadonlySet<string>): Entry | undefined {
  const end = reader.delimited()
  let key = ''
  let value = ''
  while (reader.position < end) {
    const tag = reader.int32() >>> 0
    const isText = (tag & 7) === wireTypes.length
    if (isText && tag >>> 3 === entryKey) key = reader.word()
    else if (isText && tag >>> 3 === entryValue && keys.has(key)) value = reader.word()
    else reader.skip(tag & 7)
  }
  reader.expectWithin(end)
  return keys.has(key) ? { key, value } : undefined
}

function addEntry(object: PlainObject, name: string, entry: Entry | undefined): void {
  if (entry === undefined) return
  object[name] ??= {}
  const map = object[name] as Record<string, string>
  map[entry.key] = entry.value
}

const moment = message({ 1: integer64('seconds') })

function readTime(reader: WireReader): string | null {
  const end = reader.delimited()
  if (reader.position === end) return null
  const fields: PlainObject = {}
  readFields(reader, end, moment, fields)
  const date = new Date(((fields.seconds as number | undefined) ?? 0) * 1000)
  if (Number.isNaN(date.getTime())) throw new WireError('is no time')
  return date.toISOString().replace('.000Z', 'Z')
}
