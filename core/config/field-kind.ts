import { parseAddress, parseCidr } from '../network/address.ts'
import { formatDuration, parseDuration } from './duration.ts'
import { parseSocketAddress } from './socket-address.ts'

/** How values of one kind are written: after a flag, and in a file. */
export interface FieldKind<Value> {
  /** In a word, for help and reference. */
  readonly name: string
  /** What a flag or a file must say, after "write". */
  readonly expects: string
  /** From a flag's text; `undefined`: it is none. */
  readonly fromText: (text: string) => Value | undefined
  /** From what YAML or JSON holds; `undefined`: it is none. */
  readonly fromDocument: (value: unknown) => Value | undefined
  /** As YAML or JSON holds it. */
  toDocument(value: Value): unknown
}

export const flag: FieldKind<boolean> = {
  name: 'boolean',
  expects: 'true or false',
  // As Go's ParseBool reads flags.
  fromText: (text) => (/^(1|t|true)$/i.test(text) ? true : /^(0|f|false)$/i.test(text) ? false : undefined),
  // YAML 1.1, by which kube-proxy reads its file, has words for them.
  fromDocument: (value) => {
    if (typeof value === 'boolean') return value
    if (typeof value !== 'string') return undefined
    return /^(yes|on)$/i.test(value) ? true : /^(no|off)$/i.test(value) ? false : undefined
  },
  toDocument: (value) => value,
}

/** A whole number of `unit`, bounds included. */
export function integer(min: number, max: number): FieldKind<number> {
  const check = (value: number): number | undefined =>
    Number.isInteger(value) && value >= min && value <= max ? value : undefined
  return {
    name: 'integer',
    expects:
      max === maxInt32 ? `a whole number from ${min} up to ${max}` : `a whole number from ${min} to ${max}`,
    fromText: (text) => (/^[+-]?\d{1,12}$/.test(text) ? check(Number(text)) : undefined),
    fromDocument: (value) => (typeof value === 'number' ? check(value) : undefined),
    toDocument: (value) => value,
  }
}

export const maxInt32 = 2_147_483_647

export const number: FieldKind<number> = {
  name: 'number',
  expects: 'a number',
  fromText: (text) => (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,2})?$/i.test(text) ? Number(text) : undefined),
  fromDocument: (value) => (typeof value === 'number' && Number.isFinite(value) ? value : undefined),
  toDocument: (value) => value,
}

/** Milliseconds, written as Go writes durations. Bounds in milliseconds, included. */
export function duration(
  { min = 0, max = maxInt32 * 1000 }: { readonly min?: number; readonly max?: number } = {},
  example = '30s',
): FieldKind<number> {
  const check = (text: string): number | undefined => {
    const milliseconds = parseDuration(text)
    return milliseconds === undefined || milliseconds < min || milliseconds > max ? undefined : milliseconds
  }
  const bounds =
    max < maxInt32 * 1000
      ? `from ${formatDuration(min)} to ${formatDuration(max)}`
      : min > 0
        ? 'above 0'
        : '0 or more'
  return {
    name: 'duration',
    expects: `a duration ${bounds} with its units, such as ${example} or 1m30s`,
    fromText: check,
    fromDocument: (value) => (typeof value === 'string' ? check(value) : undefined),
    toDocument: formatDuration,
  }
}

/** One of a few words. The empty text stands for the default where it is among them. */
export function choice<const Word extends string>(words: readonly Word[]): FieldKind<Word> {
  const check = (value: unknown): Word | undefined => words.find((word) => word === value)
  return {
    name: 'word',
    expects: `one of ${words.filter((word) => word !== '').join(', ')}`,
    fromText: check,
    fromDocument: check,
    toDocument: (value) => value,
  }
}

/** A text that `accepts` everything of; longer than any of them may sensibly be, it is none. */
function textThat(name: string, expects: string, accepts: (text: string) => boolean): FieldKind<string> {
  const check = (value: unknown): string | undefined =>
    typeof value === 'string' && value.length <= maxText && accepts(value) ? value : undefined
  return { name, expects, fromText: check, fromDocument: check, toDocument: (value) => value }
}

/** Characters: the longest path that Linux takes. */
const maxText = 4096

/** Numbers and words that YAML reads as something else need quotes. */
export const text = textThat(
  'text',
  'a text without control characters (in quotes, if it looks like a number)',
  (value) => !/[\p{Cc}]/u.test(value),
)

export const version = textThat(
  'version',
  "a minor version in quotes, such as '1.36'",
  (value) => value === '' || /^\d{1,3}\.\d{1,3}$/.test(value),
)

export const file: FieldKind<string> = { ...text, name: 'file' }

export const name: FieldKind<string> = { ...text, name: 'name' }

export const address = textThat(
  'IP',
  'an IP address, such as 192.0.2.10',
  (value) => value === '' || parseAddress(value) !== undefined,
)

/** The port may be left out, and is the standard one then. */
export const socketAddress = textThat(
  'IP:port',
  'IP:PORT, such as 192.0.2.10:10256, [2001:db8::1]:10256 or 0.0.0.0:10256; a port is from 1 to 65535',
  (value) => value === '' || parseSocketAddress(value, 1) !== undefined,
)

/** Characters of an interface's name: Linux takes 15 bytes and a closing zero. */
export const maxInterfaceName = 15

/** Of what Linux takes, what every dataplane can write in a rule: `*` and `+` are patterns there. */
export const interfaceName = textThat(
  'interface',
  `the name of an interface, or how names begin: at most ${maxInterfaceName} letters, digits and ._@-, without * or +`,
  (value) => value.length <= maxInterfaceName && /^[\w.@-]*$/.test(value),
)

export interface ListKind extends FieldKind<readonly string[]> {
  /** Whether this may be one of the list. */
  readonly accepts: (item: string) => boolean
}

/** Texts, after a flag with commas between them. */
export function list(name: string, expects: string, accepts: (item: string) => boolean): ListKind {
  const check = (items: readonly unknown[]): readonly string[] | undefined => {
    const texts = items.filter((item) => typeof item === 'string')
    return texts.length === items.length && texts.every(accepts) ? texts : undefined
  }
  return {
    name,
    expects,
    accepts,
    fromText: (text) => check(splitList(text)),
    fromDocument: (value) => (Array.isArray(value) ? check(value) : undefined),
    toDocument: (value) => value,
  }
}

/** CIDRs with commas between them, in one text. */
export const cidrs = textThat(
  'CIDRs',
  'CIDRs with commas between them, such as 10.244.0.0/16,fd00:10:244::/56',
  (value) => splitList(value).every((part) => parseCidr(part) !== undefined),
)

/** `a=true,b=false` after a flag, a mapping in a file. */
export const gates: FieldKind<Readonly<Record<string, boolean>>> = {
  name: 'switches',
  expects: 'switches that are true or false, such as SomeGate=true',
  fromText: (text) => {
    const pairs = splitList(text).map((part) => {
      const [, name = '', value = ''] = /^([^=]+)=(.*)$/.exec(part) ?? []
      return [name, flag.fromText(value.trim())] as const
    })
    const known = pairs.flatMap(([name, on]) =>
      name === '' || on === undefined ? [] : [[name, on] as const],
    )
    return known.length === pairs.length ? Object.fromEntries(known) : undefined
  },
  fromDocument: (value) => {
    if (!isMapping(value)) return undefined
    const pairs = Object.entries(value)
    const known = pairs.flatMap(([name, on]) => (typeof on === 'boolean' ? [[name, on] as const] : []))
    return known.length === pairs.length ? Object.fromEntries(known) : undefined
  },
  toDocument: (value) => value,
}

/** Parts between commas, without blanks around them. */
export function splitList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
