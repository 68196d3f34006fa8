import type { ListDelivery } from './delivery.ts'

/** A list of which pages have been delivered, and others are still to come. */
export interface UnfinishedList {
  readonly delivery: ListDelivery
  /** Of the whole list. */
  readonly version: string
  /** The token of the next page. */
  readonly next: string
  readonly pages: number
  /** Whether another server may answer now, with another history. */
  readonly doubted: boolean
}
