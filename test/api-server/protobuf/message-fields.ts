import type { BackwardWriter } from './backward-writer.ts'

/** What JSON can say and protobuf can't: a text where a number belongs. Only a broken object is that. */
export class Inexpressible extends Error {}

/** A field of a message: its number in upstream's generated.proto, and its name in JSON. */
export interface MessageField {
  readonly number: number
  readonly name: string
  /** @param value as JSON has it; `undefined` where it has none */
  readonly write: (writer: BackwardWriter, value: unknown) => void
}

/** The fields by their numbers, in ascending order, which is that of the wire. */
export type Message = readonly MessageField[]

/**
 * Go has two kinds of fields: what isn't a pointer is written even where it is empty; what is one, only where it is set.
 * In types.go the second kind has a `*`.
 */
type Presence = 'always' | 'pointer'

const varintType = 0
const lengthType = 2

export function message(...fields: readonly MessageField[]): Message {
  return fields.toSorted((one, other) => one.number - other.number)
}

/** Throws {@link Inexpressible}. */
export function writeMessage(writer: BackwardWriter, fields: Message, value: unknown): void {
  if (value !== undefined && (typeof value !== 'object' || value === null || Array.isArray(value)))
    throw new Inexpressible('an object is needed')
  const object = (value ?? {}) as Readonly<Record<string, unknown>>
  for (let index = fields.length - 1; index >= 0; index--) {
    const field = fields[index]
    field?.write(writer, object[field.name] ?? undefined)
  }
}

export function text(number: number, name: string, presence: Presence = 'always'): MessageField {
  const write = (writer: BackwardWriter, value: unknown) => {
    if (value === undefined && presence === 'pointer') return
    writeText(writer, number, value ?? '')
  }
  return { number, name, write }
}

export function integer(
  number: number,
  name: string,
  presence: Presence = 'always',
  bits: 32 | 64 = 32,
): MessageField {
  const [min, max] =
    bits === 32 ? [-(2 ** 31), 2 ** 31 - 1] : [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]
  const write = (writer: BackwardWriter, value: unknown) => {
    if (value === undefined && presence === 'pointer') return
    const written = value ?? 0
    if (typeof written !== 'number' || !Number.isInteger(written) || written < min || written > max)
      throw new Inexpressible(`${name}: a whole number is needed`)
    writer.varint(written)
    writer.varint((number << 3) | varintType)
  }
  return { number, name, write }
}

export function flag(number: number, name: string, presence: Presence = 'always'): MessageField {
  const write = (writer: BackwardWriter, value: unknown) => {
    if (value === undefined && presence === 'pointer') return
    const written = value ?? false
    if (typeof written !== 'boolean') throw new Inexpressible(`${name}: true or false is needed`)
    writer.varint(written ? 1 : 0)
    writer.varint((number << 3) | varintType)
  }
  return { number, name, write }
}

export function nested(
  number: number,
  name: string,
  fields: Message,
  presence: Presence = 'always',
): MessageField {
  const write = (writer: BackwardWriter, value: unknown) => {
    if (value === undefined && presence === 'pointer') return
    writeNested(writer, number, () => writeMessage(writer, fields, value))
  }
  return { number, name, write }
}

export function texts(number: number, name: string): MessageField {
  const write = (writer: BackwardWriter, value: unknown) => {
    for (const one of listOf(name, value).toReversed()) writeText(writer, number, one)
  }
  return { number, name, write }
}

export function list(number: number, name: string, fields: Message): MessageField {
  const write = (writer: BackwardWriter, value: unknown) => {
    for (const one of listOf(name, value).toReversed())
      writeNested(writer, number, () => writeMessage(writer, fields, one))
  }
  return { number, name, write }
}

/** Texts by texts, such as labels, in the order of their keys. */
export function map(number: number, name: string): MessageField {
  const entry = message(text(1, 'key'), text(2, 'value'))
  const write = (writer: BackwardWriter, value: unknown) => {
    if (value === undefined) return
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new Inexpressible(`${name}: an object is needed`)
    const entries = Object.entries(value).sort(([one], [other]) => (one < other ? 1 : -1))
    for (const [key, of] of entries)
      writeNested(writer, number, () => writeMessage(writer, entry, { key, value: of }))
  }
  return { number, name, write }
}

/** A moment, to the second. Where there is none the message has no fields. */
export function time(number: number, name: string, presence: Presence = 'always'): MessageField {
  const moment = message(integer(1, 'seconds', 'always', 64), integer(2, 'nanos'))
  const write = (writer: BackwardWriter, value: unknown) => {
    if (value === undefined && presence === 'pointer') return
    const seconds = value === undefined ? undefined : Date.parse(String(value)) / 1000
    if (seconds !== undefined && (typeof value !== 'string' || !Number.isFinite(seconds)))
      throw new Inexpressible(`${name}: a time is needed`)
    writeNested(writer, number, () => {
      if (seconds !== undefined) writeMessage(writer, moment, { seconds: Math.floor(seconds) })
    })
  }
  return { number, name, write }
}

/** A number or a text: a port or its name. */
export function integerOrText(number: number, name: string): MessageField {
  const either = message(integer(1, 'type', 'always', 64), integer(2, 'intVal'), text(3, 'strVal'))
  const write = (writer: BackwardWriter, value: unknown) => {
    const as = typeof value === 'string' ? { type: 1, strVal: value } : { type: 0, intVal: value }
    writeNested(writer, number, () => writeMessage(writer, either, as))
  }
  return { number, name, write }
}

/** What protobuf holds as JSON, in a message of one field. */
export function json(number: number, name: string): MessageField {
  const write = (writer: BackwardWriter, value: unknown) => {
    if (value === undefined) return
    writeNested(writer, number, () => writeText(writer, 1, JSON.stringify(value)))
  }
  return { number, name, write }
}

/** A length-delimited field whose content `write` makes. */
export function writeNested(writer: BackwardWriter, number: number, write: () => void): void {
  const end = writer.written
  write()
  writer.varint(writer.written - end)
  writer.varint((number << 3) | lengthType)
}

function writeText(writer: BackwardWriter, number: number, value: unknown): void {
  if (typeof value !== 'string') throw new Inexpressible('a text is needed')
  writeNested(writer, number, () => writer.text(value))
}

function listOf(name: string, value: unknown): readonly unknown[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw new Inexpressible(`${name}: a list is needed`)
  return value
}
