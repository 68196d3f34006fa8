import { events } from '../core/log/events.ts'

/** The events of log lines as a Markdown table, those to alert on first. */
export function eventTable(): string {
  const levels = ['fatal', 'error', 'warn', 'info']
  const rows = levels.flatMap((level) =>
    Object.entries(events)
      .filter(([, event]) => event.level === level)
      .map(([name, event]) => [`\`${name}\``, level, event.means, 'fix' in event ? event.fix : '']),
  )
  return [['event', 'level', 'means', 'do'], ['---', '---', '---', '---'], ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n')
}
