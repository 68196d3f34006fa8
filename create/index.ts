/** Makes a package for a new dataplane: `npm create @portolan/dataplane NAME`, or `portolan create dataplane NAME`. */
export { createCommand } from './command.ts'
export { CreateError, createErrorCodes } from './create-error.ts'
export { type CreatedPackage, type CreateOptions, createDataplane } from './new-package.ts'
