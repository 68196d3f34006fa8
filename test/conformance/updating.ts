/** What may write expected output anew, by the environment's variable that asks for it. */
export type Update = 'UPDATE_GOLDEN' | 'UPDATE_DOCS' | 'UPDATE_DEPLOY'

/**
 * Whether a person has asked for expected output to be written anew rather than compared.
 *
 * @throws where continuous integration asks for it: every comparison would be true there, and the diff is not read
 */
export function isUpdating(update: Update, environment: NodeJS.ProcessEnv = process.env): boolean {
  if (environment[update] !== '1') return false
  const { CI: ci = '' } = environment
  if (ci !== '' && ci !== 'false' && ci !== '0')
    throw new Error(`${update}=1 writes what should be compared: unset it where CI is set`)
  return true
}
