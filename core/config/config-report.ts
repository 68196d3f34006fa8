import { isDeepStrictEqual } from 'node:util'
import type { ConfigNote } from './config-note.ts'
import type { Field, Fields } from './field.ts'
import { kubeProxyFields } from './kube-proxy-fields.ts'
import { localhostFamilies } from './localhost-families.ts'
import { portolanFields } from './portolan-fields.ts'
import type { ResolvedConfig } from './resolve-config.ts'
import { unusedBecause } from './unused-field.ts'

/** What a configuration that can be used comes to, for its author. */
export interface ConfigReport {
  /** `nftables`, a package's name, or a path. */
  readonly dataplane: string
  /** What decides something. */
  readonly used: readonly UsedField[]
  /** What was said and decides nothing. */
  readonly ignored: readonly ConfigNote[]
  /** What does something else than in kube-proxy. */
  readonly differs: readonly ConfigNote[]
}

export interface UsedField {
  readonly field: string
  /** As a file holds it. */
  readonly value: unknown
  /** Whether nobody has set it, or to what it is anyway. */
  readonly isStandard: boolean
  /** `config.conf:12`; absent: a flag, or a default. */
  readonly at?: string
}

export function configReport(resolved: ResolvedConfig): ConfigReport {
  const used: UsedField[] = []
  const ignored: ConfigNote[] = [...resolved.notes]
  const differs: ConfigNote[] = []
  const look = (fields: Fields, values: Readonly<Record<string, unknown>>): void => {
    for (const [path, field] of Object.entries(fields)) {
      const value = values[path]
      const given = resolved.given.get(path)
      const isStandard = isDeepStrictEqual(value, field.standard)
      const place = given?.at === undefined ? {} : { at: given.at }
      const note = (kind: ConfigNote['kind'], why: string): ConfigNote => ({
        kind,
        setting: path,
        why,
        ...place,
      })
      const unused = unusedBecause(path, resolved)
      const { standing } = field
      if (standing !== undefined && 'ignored' in standing) {
        if (!isStandard) ignored.push(note('ignored', `no effect: ${standing.ignored}`))
      } else if (unused !== undefined) {
        if (!isStandard) ignored.push(note('unused', `no effect: ${unused}`))
      } else {
        used.push({ field: path, value: field.kind.toDocument(value), isStandard, ...place })
        const difference = differenceOf(field, value, isStandard)
        if (difference !== undefined) differs.push(note('differs', difference))
      }
    }
  }
  look(kubeProxyFields, resolved.kubeProxy)
  look(portolanFields, resolved.portolan)
  const lost = lostLocalhost(resolved)
  if (lost !== undefined) differs.push({ kind: 'differs', setting: 'iptables.localhostNodePorts', why: lost })
  return { dataplane: resolved.config.dataplane, used, ignored, differs }
}

/** What a mode's default was, and is not with another dataplane in its place. */
function lostLocalhost({ config, section }: ResolvedConfig): string | undefined {
  const { dataplane } = config
  if (section !== 'iptables' || dataplane === section) return undefined
  const served = (one: string) => localhostFamilies({ ...config, dataplane: one }).length > 0
  if (served(dataplane) || !served(section)) return undefined
  return `with the dataplane ${dataplane} NodePorts answer at 127.0.0.1 only where nodePortAddresses holds localhost`
}

function differenceOf({ standing }: Field<unknown>, value: unknown, isStandard: boolean): string | undefined {
  if (standing === undefined || 'ignored' in standing) return undefined
  const { differs, of } = standing
  return (of === undefined ? !isStandard : of(value)) ? differs : undefined
}
