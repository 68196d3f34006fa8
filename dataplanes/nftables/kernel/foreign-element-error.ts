/** A set of ours holds an element that this layout has no words for, so that it can be neither compared nor removed. */
export class ForeignElementError extends Error {
  readonly code = 'NFTABLES_FOREIGN_ELEMENT'

  constructor(set: string, what: string) {
    super(`the set ${set} holds ${what}, which is not of this layout`)
    this.name = 'ForeignElementError'
  }
}
