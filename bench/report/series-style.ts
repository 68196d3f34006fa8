import type { Candidate } from '../results.ts'

/** How one candidate looks in every plot: told apart by colour, by symbol, and by its label. */
export interface SeriesStyle {
  readonly line: string
  /** Darker where the line's colour would be hard to read as text on white. */
  readonly text: string
  readonly symbol: string
  readonly dash: 'solid' | number[]
}

/** Okabe and Ito's palette, told apart with every common kind of colour blindness; without its yellow, too light here. */
const colours = [
  { line: '#0072b2', text: '#005f96' },
  { line: '#d55e00', text: '#b04d00' },
  { line: '#009e73', text: '#007a59' },
  { line: '#cc79a7', text: '#a3497b' },
  { line: '#e69f00', text: '#8f6200' },
  { line: '#56b4e9', text: '#1f78ab' },
  { line: '#000000', text: '#000000' },
] as const

const symbols = [
  'circle',
  'triangle',
  'rect',
  'diamond',
  'emptyCircle',
  'emptyTriangle',
  'emptyRect',
] as const

const dashes: Readonly<Record<Candidate['kind'], SeriesStyle['dash']>> = {
  dataplane: 'solid',
  baseline: [7, 4],
  external: [10, 3, 2, 3],
}

/**
 * By position among all candidates, also those that could not run: so that a dataplane looks the same in the reports
 * of two nodes.
 */
export function styleSeries(candidates: readonly Candidate[]): ReadonlyMap<string, SeriesStyle> {
  return new Map(candidates.map(({ name, kind }, at) => [name, styleAt(at, kind)]))
}

/** After seven of them colours begin again, with other symbols. */
export function styleAt(place: number, kind: Candidate['kind'] = 'dataplane'): SeriesStyle {
  const { line, text } = colours[place % colours.length] ?? colours[0]
  const round = Math.floor(place / colours.length)
  const symbol = symbols[(place + round * 3) % symbols.length] ?? 'circle'
  return { line, text, symbol, dash: dashes[kind] }
}
