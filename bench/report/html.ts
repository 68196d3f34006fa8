/**
 * Markup by template literals: what is put in is text and escaped, unless it is markup already. So a hostile name in
 * a results file stays a name.
 */
export interface Html {
  readonly markup: string
}

type Part = string | number | Html | undefined | readonly Part[]

export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const markup = strings.map((text, at) => text + (at < parts.length ? toMarkup(parts[at]) : '')).join('')
  return { markup }
}

/** Text that is markup by origin: a rendered SVG, a style sheet of ours. Never something from a results file. */
export function trustedMarkup(markup: string): Html {
  return { markup }
}

function toMarkup(part: Part): string {
  if (part === undefined) return ''
  if (typeof part === 'string') return escapeText(part)
  if (typeof part === 'number') return String(part)
  if (isList(part)) return part.map(toMarkup).join('')
  return part.markup
}

function isList(part: Html | readonly Part[]): part is readonly Part[] {
  return Array.isArray(part)
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Escaped for element content and for attribute values in either kind of quotes; control characters are shown as `?`. */
export function escapeText(text: string): string {
  return text.replace(/[^\P{Cc}\t\n\r]/gu, '?').replace(/[&<>"']/g, (c) => escapes[c] ?? c)
}
