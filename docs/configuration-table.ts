import { describeFlag, flagGroups } from '../core/cli/config-options.ts'
import { type FlagName, kubeProxyFlags, portolanFlags } from '../core/config/config-flags.ts'
import type { Fields } from '../core/config/field.ts'

/** All flags as Markdown, a table for each group. */
export function flagTable(): string {
  return Object.entries(flagGroups)
    .map(([group, names]) => {
      const rows = names.map((name) => flagRow(name))
      return `**${group.replace(/:$/, '')}**\n\n${table(['flag', 'sets', 'default', 'means'], rows)}`
    })
    .join('\n\n')
}

function flagRow(name: FlagName): readonly string[] {
  const { paths, standard, means, placeholder, isBesideFile } = describeFlag(name)
  const written = `${name === 'v' ? '-v' : `--${name}`}${placeholder === undefined ? '' : ` <${placeholder}>`}`
  return [
    `\`${written}\`${isBesideFile ? ' *' : ''}`,
    paths.map((path) => `\`${path}\``).join(', '),
    standard,
    sentence(means),
  ]
}

/** The fields of a document as a Markdown table. */
export function fieldTable(fields: Fields): string {
  const flags = Object.entries({ ...kubeProxyFlags, ...portolanFlags })
  const rows = Object.entries(fields).map(([path, { kind, standard, means, standing }]) => {
    const setBy = flags
      .filter(([, paths]) => (paths as readonly string[]).includes(path))
      .map(([name]) => name)
    const written = kind.toDocument(standard)
    const isEmpty = ['', '[]', '{}'].includes(typeof written === 'string' ? written : JSON.stringify(written))
    return [
      `\`${path}\``,
      isEmpty ? '' : String(written),
      setBy.map((name) => `\`${name.length === 1 ? '-' : '--'}${name}\``).join(', '),
      means,
      standing === undefined
        ? ''
        : 'differs' in standing
          ? `differs: ${standing.differs}`
          : `no effect: ${standing.ignored}`,
    ]
  })
  return table(['field', 'default', 'flags', 'means', 'here'], rows)
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n')
}

function sentence(text: string): string {
  return text.replaceAll('<', '&lt;')
}
