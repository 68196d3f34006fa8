import type { Unit } from '../metrics.ts'

interface Scale {
  /** From this magnitude on, in the unit that was measured. */
  readonly from: number
  readonly divisor: number
  readonly name: string
}

const mebi = 1024 ** 2
const gibi = 1024 ** 3

const milliseconds: readonly Scale[] = [
  { from: 600_000, divisor: 60_000, name: ' min' },
  { from: 1000, divisor: 1000, name: ' s' },
  { from: 1, divisor: 1, name: ' ms' },
  { from: 0, divisor: 0.001, name: ' µs' },
]

const bytes: readonly Scale[] = [
  { from: gibi, divisor: gibi, name: ' GiB' },
  { from: mebi, divisor: mebi, name: ' MiB' },
  { from: 1024, divisor: 1024, name: ' KiB' },
  { from: 0, divisor: 1, name: ' B' },
]

const scales: Readonly<Record<Unit, readonly Scale[]>> = {
  ms: milliseconds,
  us: milliseconds.map(({ from, divisor, name }) => ({ from: from * 1000, divisor: divisor * 1000, name })),
  bytes,
  count: [{ from: 0, divisor: 1, name: '' }],
  'per second': [{ from: 0, divisor: 1, name: '/s' }],
  'bytes per second': bytes.map((scale) => ({ ...scale, name: `${scale.name}/s` })),
}

/** `0.1423 ms` as `142 µs`, `230686720 bytes` as `220 MiB`: three digits, in the unit that a person would choose. */
export function formatQuantity(value: number, unit: Unit): string {
  if (!Number.isFinite(value)) return '-'
  const magnitude = Math.abs(value)
  const scale = scales[unit].find(({ from }) => magnitude >= from) ?? { divisor: 1, name: '' }
  // 0 is said in the unit that was measured, not in the smallest.
  if (magnitude === 0) return `0${zeroSuffix[unit]}`
  return `${threeDigits(value / scale.divisor)}${scale.name}`
}

const zeroSuffix: Readonly<Record<Unit, string>> = {
  ms: ' ms',
  us: ' µs',
  bytes: ' B',
  count: '',
  'per second': '/s',
  'bytes per second': ' B/s',
}

/** `1.42`, `14.2`, `142`, `14,200`: whole numbers are never rounded. */
export function threeDigits(value: number): string {
  const magnitude = Math.abs(value)
  const decimals = magnitude >= 99.95 ? 0 : magnitude >= 9.995 ? 1 : magnitude >= 0.9995 ? 2 : 3
  return grouped.format(Number(value.toFixed(decimals)))
}

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 3 })

/** `100`, `5k`, `45k`, `1.5M`: a number of Services beside an axis. */
export function shortCount(value: number): string {
  if (value >= 1_000_000) return `${grouped.format(value / 1_000_000)}M`
  if (value >= 1000) return `${grouped.format(value / 1000)}k`
  return grouped.format(value)
}

/** `10,000 Services x 10 endpoints` */
export function describeSize(services: number, endpointsPerService: number): string {
  return `${plural(services, 'Service')} x ${plural(endpointsPerService, 'endpoint')}`
}

export function plural(count: number, noun: string): string {
  return `${grouped.format(count)} ${noun}${count === 1 ? '' : 's'}`
}
