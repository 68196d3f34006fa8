import type { Unit } from '../metrics.ts'
import { formatQuantity } from './quantity.ts'

/** A logarithmic axis that ends where the data does, with ticks at 1, 2 and 5 where the range is short. */
export interface LogAxis {
  readonly min: number
  readonly max: number
  readonly ticks: readonly number[]
}

/** @param values what must fit on it; those that are not above 0 can't be drawn and don't count */
export function logAxis(values: readonly number[], unit: Unit): LogAxis {
  const drawn = values.filter((value) => value > 0 && Number.isFinite(value))
  if (drawn.length === 0) return { min: 1, max: 10, ticks: [1, 10] }
  const low = Math.min(...drawn)
  const high = Math.max(...drawn)
  const fine = steps(low / 10, high * 20, unit, [1, 2, 5])
  const min = fine.findLast((step) => step <= low / 1.15) ?? low / 2
  const max = fine.find((step) => step >= high * 1.15 && step >= min * 9.9) ?? high * 2
  const coarse = Math.log10(max / min) > 3.2
  const ticks = (coarse ? steps(min, max, unit, [1]) : fine).filter((step) => step >= min && step <= max)
  return { min, max, ticks }
}

/** Bytes are counted in powers of 1,024, so their round numbers are 1, 10 and 100 of each. */
function steps(low: number, high: number, unit: Unit, digits: readonly number[]): number[] {
  const found: number[] = []
  for (let power = Math.floor(Math.log10(low)) - 1; power <= Math.log10(high) + 1; power++) {
    for (const digit of digits) found.push(digit * decade(power, unit))
  }
  return found.filter((step) => step >= low / 1.0001 && step <= high * 1.0001)
}

function decade(power: number, unit: Unit): number {
  if (unit !== 'bytes' || power < 3) return Number(`1e${power}`)
  return 1024 ** Math.floor(power / 3) * 10 ** (power % 3)
}

/** How far a value lies along the axis, from 0 to 1. */
export function alongLog(
  value: number,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  return Math.log(value / min) / Math.log(max / min)
}

export function tickLabel(value: number, unit: Unit): string {
  return formatQuantity(value, unit)
}
