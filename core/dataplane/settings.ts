/** What a dataplane understands after `--dataplane-option`, by the names that operators write. */
export type SettingDeclarations = Readonly<Record<string, SettingDeclaration>>

export type SettingDeclaration =
  | ChoiceSetting
  | FlagSetting
  | IntegerSetting
  | TextSetting<unknown>
  | ListSetting<unknown>

interface Described {
  /** One line for `portolan help-dataplane`. */
  readonly description: string
}

/** One of a few words. Without a default it may be left out, and is `undefined` then. */
export interface ChoiceSetting extends Described {
  readonly type: 'choice'
  readonly choices: readonly string[]
  readonly default?: string
}

/** `yes` or `no`. */
export interface FlagSetting extends Described {
  readonly type: 'flag'
  readonly default: boolean
}

/** A whole number within bounds, both included. */
export interface IntegerSetting extends Described {
  readonly type: 'integer'
  readonly min: number
  readonly max: number
  readonly default?: number
}

/** Any text, or what `parse` makes of it. */
export interface TextSetting<Value> extends Described {
  readonly type: 'text'
  /** What it is in a word, for the help: `PATH`, `FIRST-LAST`. */
  readonly format: string
  /** What it must be, for the error; default: the format. */
  readonly expects?: string
  /** As an operator would write it. */
  readonly default?: string
  /** `undefined`: the text is none of these. */
  readonly parse?: (text: string) => Value | undefined
}

/** Texts between commas, or what `parse` makes of each. */
export interface ListSetting<Value> extends Described {
  readonly type: 'list'
  /** What one of them is in a word, for the help: `CIDR`. */
  readonly format: string
  /** What each must be, for the error; default: the format. */
  readonly expects?: string
  /** As an operator would write it; the empty text is an empty list. */
  readonly default?: string
  /** `undefined`: the text is none of these. */
  readonly parse?: (text: string) => Value | undefined
}

export type SettingValues<Declarations extends SettingDeclarations> = {
  readonly [Name in keyof Declarations]: SettingValue<Declarations[Name]>
}

type SettingValue<Declaration> =
  | ParsedValue<Declaration>
  | (Declaration extends { readonly default: unknown } ? never : undefined)

type ParsedValue<Declaration> = Declaration extends {
  readonly type: 'choice'
  readonly choices: infer Choices
}
  ? Choices extends readonly (infer Choice)[]
    ? Choice
    : never
  : Declaration extends { readonly type: 'flag' }
    ? boolean
    : Declaration extends { readonly type: 'integer' }
      ? number
      : Declaration extends { readonly type: 'list' }
        ? readonly PartValue<Declaration>[]
        : PartValue<Declaration>

type PartValue<Declaration> = Declaration extends { readonly parse: (text: string) => infer Value }
  ? Exclude<Value, undefined>
  : string

/** Codes of {@link SettingError}: when it happens, and the fix. */
export const settingErrorCodes = {
  DATAPLANE_OPTION_INVALID: {
    when: 'options of a dataplane are unknown to it, contradict one another, or have values that they may not have',
    fix: "'portolan help-dataplane NAME' shows the options of a dataplane",
  },
} as const

/** A setting that the dataplane doesn't know, or whose value is none that it may have. */
export class SettingError extends RangeError {
  readonly code: keyof typeof settingErrorCodes = 'DATAPLANE_OPTION_INVALID'

  constructor(message: string) {
    super(message)
    this.name = 'SettingError'
  }
}

/** @throws {SettingError} naming the option and what it may be */
export function parseSettings<const Declarations extends SettingDeclarations>(
  declarations: Declarations,
  given: Readonly<Record<string, string>>,
): SettingValues<Declarations> {
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(declarations, name)) continue
    const known = Object.keys(declarations).join(', ')
    throw new SettingError(`unknown option ${name}; ${known === '' ? 'it has none' : `known: ${known}`}`)
  }
  const values = Object.entries(declarations).map(([name, declaration]) => {
    const text = given[name] ?? defaultText(declaration)
    return [name, text === undefined ? undefined : parseSetting(name, declaration, text)]
  })
  return Object.fromEntries(values)
}

/** The default as an operator would write it; `undefined`: there is none. */
export function defaultText(declaration: SettingDeclaration): string | undefined {
  if (declaration.type === 'flag') return declaration.default ? 'yes' : 'no'
  return declaration.default === undefined ? undefined : String(declaration.default)
}

/** What may be written after the equals sign, for a person: `netlink|nft`, `0..31`, `CIDR,...`. */
export function settingFormat(declaration: SettingDeclaration): string {
  switch (declaration.type) {
    case 'choice':
      return declaration.choices.join('|')
    case 'flag':
      return 'yes|no'
    case 'integer':
      return `${declaration.min}..${declaration.max}`
    case 'text':
      return declaration.format
    case 'list':
      return `${declaration.format},...`
  }
}

function parseSetting(name: string, declaration: SettingDeclaration, text: string): unknown {
  const refuse = (wrong: string, allowed: string): never => {
    throw new SettingError(`option ${name}: ${JSON.stringify(wrong)} is not ${allowed}`)
  }
  switch (declaration.type) {
    case 'choice':
      return declaration.choices.includes(text)
        ? text
        : refuse(text, `one of ${declaration.choices.join(', ')}`)
    case 'flag':
      return text === 'yes' || (text === 'no' ? false : refuse(text, 'yes or no'))
    case 'integer': {
      const { min, max } = declaration
      const value = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN
      return value >= min && value <= max ? value : refuse(text, `a whole number from ${min} to ${max}`)
    }
    case 'text':
      return parsePart(declaration, text) ?? refuse(text, declaration.expects ?? declaration.format)
    case 'list':
      return text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '')
        .map(
          (part) => parsePart(declaration, part) ?? refuse(part, declaration.expects ?? declaration.format),
        )
  }
}

function parsePart({ parse }: TextSetting<unknown> | ListSetting<unknown>, text: string): unknown {
  return parse === undefined ? text : parse(text)
}
