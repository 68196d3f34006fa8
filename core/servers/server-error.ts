import { CodedError } from '../error/coded-error.ts'

/** Codes of {@link ServerError}: when it happens, and the fix. */
export const serverErrorCodes = {
  SERVER_ADDRESS_UNAVAILABLE: {
    when: 'a server cannot listen on its address, and bindAddressHardFail is set',
    fix: 'free the port or choose another address; without bindAddressHardFail it is retried',
  },
} as const

/** Why a server can't serve. */
export class ServerError extends CodedError<keyof typeof serverErrorCodes> {}
