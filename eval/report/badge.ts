import { escapeText } from '@portolan/bench'
import { count, hasPassed, type Scorecard } from '../scorecard.ts'

const colours = { passed: '#2e7d32', failed: '#b3261e' } as const
const characterWidth = 6.6

/** A line for a README: how many checks of all dataplanes on the card passed. SVG. */
export function badge({ cards }: Scorecard): string {
  const checks = cards.flatMap(({ parts }) => parts.flatMap((part) => part.checks))
  const passed = cards.every(hasPassed)
  const failed = count(checks, 'failed')
  const said = passed ? `${count(checks, 'passed')} passed` : failed > 0 ? `${failed} failed` : 'not finished'
  const label = 'portolan eval'
  const [left, right] = [label, said].map((text) => Math.round(text.length * characterWidth) + 12)
  const width = (left ?? 0) + (right ?? 0)
  const text = (words: string, middle: number) =>
    `<text x="${middle}" y="14" fill="#fff" text-anchor="middle" font-family="Verdana,sans-serif" font-size="11">${escapeText(words)}</text>`
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="20" role="img" aria-label="${label}: ${said}">
<rect width="${width}" height="20" rx="3" fill="#455a64"/><rect x="${left}" width="${right}" height="20" rx="3" fill="${colours[passed ? 'passed' : 'failed']}"/>
${text(label, (left ?? 0) / 2)}${text(said, (left ?? 0) + (right ?? 0) / 2)}
</svg>
`
}
