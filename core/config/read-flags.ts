import type { ConfigProblem } from './config-error.ts'
import { type Flags, flagsBesideFile, flagTexts, kubeProxyFlags, portolanFlags } from './config-flags.ts'
import type { Field, Fields, Given } from './field.ts'
import { flag } from './field-kind.ts'
import { kubeProxyFields } from './kube-proxy-fields.ts'
import { portolanFields } from './portolan-fields.ts'

/** What the command line says of the fields. */
export interface FlagValues {
  readonly kubeProxy: ReadonlyMap<string, Given>
  readonly portolan: ReadonlyMap<string, Given>
  /** Flags that don't count, because a file is read. */
  readonly unheeded: readonly UnheededFlag[]
}

export interface UnheededFlag {
  /** `--cluster-cidr` */
  readonly setting: string
  /** What the file has in its place. */
  readonly fields: readonly string[]
}

/** The flags of which a KubeProxyConfiguration has the same. */
const flagsOfFields: readonly (readonly [string, readonly string[]])[] = Object.entries({
  ...kubeProxyFlags,
  'healthz-port': ['healthzBindAddress'],
  'metrics-port': ['metricsBindAddress'],
})

/** Flags that set no field, and must say true or false all the same. */
const commandSwitches = ['cleanup', 'init-only'] as const

/** @param problems takes what is wrong */
export function readFlags(flags: Flags, isBesideFile: boolean, problems: ConfigProblem[]): FlagValues {
  const isUnheeded = (name: string) => isBesideFile && !flagsBesideFile.has(name)
  for (const name of commandSwitches)
    for (const text of flagTexts(flags, name))
      if (flag.fromText(text) === undefined)
        problems.push({ setting: `--${name}`, value: text, fix: `write ${flag.expects}` })
  const heeded = Object.entries(kubeProxyFlags).filter(([name]) => !isUnheeded(name))
  return {
    kubeProxy: readGroup(flags, heeded, kubeProxyFields, problems),
    portolan: readGroup(flags, Object.entries(portolanFlags), portolanFields, problems),
    unheeded: flagsOfFields.flatMap(([name, fields]) =>
      isUnheeded(name) && flagTexts(flags, name).length > 0 ? [{ setting: `--${name}`, fields }] : [],
    ),
  }
}

function readGroup(
  flags: Flags,
  group: readonly (readonly [string, readonly string[]])[],
  fields: Fields,
  problems: ConfigProblem[],
): Map<string, Given> {
  const values = new Map<string, Given>()
  for (const [name, paths] of group) {
    const setting = name.length === 1 ? `-${name}` : `--${name}`
    for (const text of flagTexts(flags, name)) {
      for (const [index, path] of paths.entries()) {
        const field = fields[path]
        if (field === undefined || (text === '' && field.emptyIsStandard === true)) continue
        const given = readFlag(setting, text, field, problems)
        if (given === undefined) break
        const before = values.get(path)
        if (before !== undefined && before.setting !== setting && before.text !== text && index === 0)
          problems.push({
            setting: before.setting,
            value: before.text,
            fix: `conflicts with ${setting} '${text}': give one of the two`,
          })
        values.set(path, together(before, given))
      }
    }
  }
  return values
}

function readFlag(
  setting: string,
  text: string,
  field: Field<unknown>,
  problems: ConfigProblem[],
): Given | undefined {
  const value = field.kind.fromText(text)
  if (value !== undefined) return { value, text, setting }
  problems.push({ setting, value: text, fix: `write ${field.kind.expects}` })
  return undefined
}

/** A flag that may be given again adds to what it has said. */
function together(before: Given | undefined, given: Given): Given {
  if (before?.setting !== given.setting || typeof given.value !== 'object') return given
  return { ...given, value: { ...(before.value as object), ...given.value } }
}
