import { shownName, shownValue } from '../../../cluster/problem-report.ts'
import { apiMessages, listMeta } from './api-messages.ts'
import { type Message, message, nested, type PlainObject, readFields, word } from './message.ts'
import { WireError, WireReader, wireTypes } from './wire-reader.ts'

/** What stands before every object of the API that isn't an event of a watch. */
const magic = Buffer.from('k8s\0')

/** An object, or a list of them, with what it says it is. */
interface Envelope {
  readonly type: string
  /** Where the object begins and ends. */
  readonly begin: number
  readonly end: number
}

/** A list whose items are read one by one, as they are asked for. */
export interface ProtobufList {
  readonly metadata: PlainObject
  readonly items: Iterable<PlainObject>
}

/** Whether bytes may be an answer in protobuf. */
export function isProtobuf(bytes: Buffer): boolean {
  return bytes.subarray(0, magic.length).equals(magic)
}

/**
 * Reads an object as JSON has it, of the fields that this program looks at: a Service, a `Status`. Throws
 * {@link WireError} that names object and field.
 */
export function readObject(bytes: Buffer): PlainObject {
  const reader = new WireReader(bytes)
  const { type, begin, end } = readEnvelope(reader)
  const of = apiMessages.get(type)
  if (of === undefined) throw new WireError(`${shownValue(type)} is nothing that was asked for`)
  reader.position = begin
  return readNamed(reader, end, of, type)
}

/** Reads a list, or the `Status` that came instead. Throws {@link WireError}. */
export function readListOrStatus(bytes: Buffer): ProtobufList | PlainObject {
  const reader = new WireReader(bytes)
  const { type, begin, end } = readEnvelope(reader)
  const itemType = type.replace(/List$/, '')
  const of = itemType === type ? undefined : apiMessages.get(itemType)
  if (of === undefined) return readObject(bytes)
  reader.position = begin
  const metadata = { ...listMeta.zero }
  const places: number[] = []
  while (reader.position < end) {
    const tag = reader.int32()
    if (tag === metadataTag) readFields(reader, reader.delimited(), listMeta, metadata)
    else {
      if (tag === itemTag) places.push(reader.position)
      reader.skip(tag & 7)
    }
  }
  reader.expectWithin(end)
  return { metadata, items: new Items(reader, places, of, itemType) }
}

class Items implements Iterable<PlainObject> {
  readonly #reader: WireReader
  readonly #places: readonly number[]
  readonly #of: Message
  readonly #type: string

  constructor(reader: WireReader, places: readonly number[], of: Message, type: string) {
    this.#reader = reader
    this.#places = places
    this.#of = of
    this.#type = type
  }

  *[Symbol.iterator](): Generator<PlainObject> {
    for (const place of this.#places) {
      this.#reader.position = place
      yield readNamed(this.#reader, this.#reader.delimited(), this.#of, this.#type)
    }
  }
}

/** An event of a watch: its type, and the bytes of its object. Throws {@link WireError}. */
export function readFrame(bytes: Buffer): { readonly type: string; readonly object: Buffer } {
  const reader = new WireReader(bytes)
  let type = ''
  let object = bytes.subarray(0, 0)
  while (reader.position < bytes.length) {
    const tag = reader.int32()
    if (tag === firstTag) type = reader.word()
    else if (tag === secondTag) object = readRaw(reader)
    else reader.skip(tag & 7)
  }
  return { type, object }
}

const tagOf = (number: number) => (number << 3) | wireTypes.length
const firstTag = tagOf(1)
const secondTag = tagOf(2)
const metadataTag = firstTag
const itemTag = secondTag

/** A RawExtension: bytes that are an object in its envelope. */
function readRaw(reader: WireReader): Buffer {
  const end = reader.delimited()
  let raw = reader.bytes.subarray(0, 0)
  while (reader.position < end) {
    const tag = reader.int32()
    if (tag !== firstTag) reader.skip(tag & 7)
    else {
      const rawEnd = reader.delimited()
      raw = reader.bytes.subarray(reader.position, rawEnd)
      reader.position = rawEnd
    }
  }
  reader.expectWithin(end)
  return raw
}

const typeMeta = message({ 1: word('apiVersion'), 2: word('kind') })
const typeField = nested('typeMeta', typeMeta)

/** Leaves the reader where it is: the object is to be read from `begin` to `end`. */
function readEnvelope(reader: WireReader): Envelope {
  if (!isProtobuf(reader.bytes)) throw new WireError('does not begin as an object of the API does')
  reader.position = magic.length
  let type = ''
  let [begin, end] = [0, 0]
  while (reader.position < reader.bytes.length) {
    const tag = reader.int32()
    if (tag === firstTag) {
      const { apiVersion, kind } = typeField.read(reader) as { apiVersion?: string; kind?: string }
      type = `${apiVersion ?? ''} ${kind ?? ''}`
    } else if (tag === secondTag) {
      end = reader.delimited()
      begin = reader.position
      reader.position = end
    } else reader.skip(tag & 7)
  }
  return { type, begin, end }
}

/** Of the longest namespace and name that there can be. */
const keyCharacters = 63 + 1 + 253

function readNamed(reader: WireReader, end: number, of: Message, type: string): PlainObject {
  const object = { ...of.zero }
  try {
    readFields(reader, end, of, object)
    return object
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    const { name, namespace } = (object.metadata ?? {}) as { name?: string; namespace?: string }
    const key = namespace === undefined ? name : `${namespace}/${name}`
    const shown = key === undefined ? '(unnamed)' : shownName(key, keyCharacters)
    throw new WireError(`${type.split(' ')[1]} ${shown}: ${error.message}`)
  }
}
