/** Codes of {@link PackError}: when it happens, and the fix. */
export const packErrorCodes = {
  COMPILER: {
    when: 'the compiler refuses the sources',
    fix: 'npm run check shows the same errors',
  },
  PACKAGE_INCOMPLETE: {
    when: 'a package names a file, or imports a package, that whoever installs it would not have',
    fix: "name the file in 'files' of its package.json, or the package in 'dependencies'",
  },
  NPM: {
    when: 'npm could not make the archives, or not install them',
    fix: 'look at what it printed',
  },
} as const

/** The packages can't be made as they would have to be published. */
export class PackError extends Error {
  readonly code: keyof typeof packErrorCodes

  constructor(code: PackError['code'], message: string, options: ErrorOptions = {}) {
    super(message, options)
    this.name = 'PackError'
    this.code = code
  }
}
