/** Without quotes: the renderer puts it into attributes as it is. */
export const font = 'system-ui, -apple-system, Segoe UI, Roboto, DejaVu Sans, sans-serif'
export const fontSize = 13
export const ink = { text: '#222222', quiet: '#595959', axis: '#8a8a8a', grid: '#e3e3e3' } as const

/** About how wide a text is; there is no browser to ask. Rather too wide than too narrow. */
export function textWidth(text: string, size: number = fontSize): number {
  return text.length * size * 0.58
}

/** At most so many characters, the middle left out: the two ends of a package's name tell it best. */
export function shorten(text: string, length: number): string {
  const plain = text.replace(/\p{Cc}/gu, '?')
  if (plain.length <= length) return plain
  const head = Math.ceil((length - 1) / 2)
  return `${plain.slice(0, head)}…${plain.slice(plain.length - (length - 1 - head))}`
}

/** A line of text in a chart, its middle at `y`. */
export function textAt(text: string, { x, y, fill = ink.text, size = 12, bold = false }: TextPlace): object {
  const style = {
    text,
    x,
    y,
    fill,
    fontFamily: font,
    fontSize: size,
    fontWeight: bold ? 600 : 400,
    verticalAlign: 'middle',
  }
  return { type: 'text', silent: true, style }
}

export interface TextPlace {
  readonly x: number
  readonly y: number
  readonly fill?: string
  /** In pixels. */
  readonly size?: number
  readonly bold?: boolean
}

/** What a panel is called, at its top left. */
export function panelTitle(title: string): object {
  return textAt(title, { x: 12, y: 13, size: 14, bold: true })
}
