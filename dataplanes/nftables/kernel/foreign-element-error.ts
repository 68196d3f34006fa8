import { CodedError } from '@portolan/core'

/** Codes of {@link ForeignElementError}: when it happens, and the fix. */
export const foreignElementErrorCodes = {
  NFTABLES_FOREIGN_ELEMENT: {
    when: 'a set of the table portolan holds an element of another layout',
    fix: 'nothing: the table is replaced in one transaction',
  },
} as const

/** A set of ours holds an element that this layout has no words for, so that it can be neither compared nor removed. */
export class ForeignElementError extends CodedError<keyof typeof foreignElementErrorCodes> {
  constructor(set: string, what: string) {
    super('NFTABLES_FOREIGN_ELEMENT', `the set ${set} holds ${what}, which is not of this layout`, undefined)
  }
}
