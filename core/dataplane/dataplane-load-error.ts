import { CodedError } from '../error/coded-error.ts'

/** Codes of {@link DataplaneLoadError}: when it happens, and the fix. */
export const dataplaneLoadErrorCodes = {
  DATAPLANE_NOT_INSTALLED: {
    when: 'there is no package or file of the name given with --dataplane',
    fix: 'install the package, or give its path',
  },
  DATAPLANE_BROKEN: {
    when: 'the package is there, but importing it or making the dataplane fails',
    fix: 'report it, with the message, to its author',
  },
  DATAPLANE_SETTING_INVALID: {
    when: 'a --dataplane-option is unknown to the dataplane, or has a value that it may not have',
    fix: "'portolan help-dataplane NAME' shows the options of a dataplane",
  },
  DATAPLANE_WITHOUT_FACTORY: {
    when: "the package's default export is not what defineDataplane returns",
    fix: 'check the name; an author exports what defineDataplane returns as default',
  },
  DATAPLANE_CONTRACT_VERSION: {
    when: 'the dataplane fulfils another version of the contract',
    fix: 'install the version of the dataplane that fits this Portolan',
  },
  DATAPLANE_INCOMPLETE: {
    when: 'the dataplane lacks a method or a declaration that the contract asks for',
    fix: 'report it to its author; docs/writing-a-dataplane.md has the contract',
  },
} as const

export type DataplaneLoadCode = keyof typeof dataplaneLoadErrorCodes

/** Why a dataplane package could not be used, and what to do about it. */
export class DataplaneLoadError extends CodedError<keyof typeof dataplaneLoadErrorCodes> {}

/** @param missing what of the contract it hasn't got */
export function incomplete(name: string, missing: readonly string[]): DataplaneLoadError {
  return new DataplaneLoadError(
    'DATAPLANE_INCOMPLETE',
    `dataplane '${name}' lacks ${missing.join(', ')} of the contract`,
    'report it to its author',
  )
}
