/**
 * Gets what a VM needs, ahead of the tests that boot one. Where that can't be had, it says why and leaves the failing to
 * them: everything else can still be tested.
 */
import { provideVm } from './provide.ts'
import { VmError } from './vm-error.ts'

try {
  await provideVm((line) => console.log(`setup: ${line}`))
} catch (error) {
  if (!(error instanceof VmError)) throw error
  console.error(`setup: no second kernel: ${error.message}`)
}
