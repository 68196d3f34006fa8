/** Codes of {@link CreateError}: when it happens, and the fix. */
export const createErrorCodes = {
  CREATE_NAME_INVALID: {
    when: 'a new dataplane cannot have this name',
    fix: 'take a word of lower-case letters, digits and hyphens, or a package name that ends in one',
  },
  CREATE_FOLDER_TAKEN: {
    when: 'there is something in the folder where the new package would be',
    fix: 'name another folder by --folder, or remove what is there',
  },
  CREATE_ARCHIVES_MISSING: {
    when: '--archives names a folder without the archives of the packages that a dataplane needs',
    fix: 'npm run pack in a checkout makes them, in its folder dist',
  },
} as const

/** A package can't be made as it was asked for; nothing was written. */
export class CreateError extends Error {
  readonly code: keyof typeof createErrorCodes
  readonly fix: string
  readonly exitCode = 2

  constructor(code: CreateError['code'], message: string, options: ErrorOptions = {}) {
    super(message, options)
    this.name = 'CreateError'
    this.code = code
    this.fix = createErrorCodes[code].fix
  }
}
