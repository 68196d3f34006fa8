/** Runs the checks one after the other, each in a lab of its own, and tells of each in a line of JSON. */
import { createLab } from '@portolan/lab'
import { kernelChecks } from './kernel-checks.ts'

const pattern = new RegExp(process.argv[2] ?? '')

for (const { claim, run } of kernelChecks.filter((check) => pattern.test(check.claim))) {
  let failure: string | undefined
  const lab = await createLab({ pods: 2, slowness: 8 })
  try {
    await run(lab)
  } catch (error) {
    failure = error instanceof Error ? (error.stack ?? error.message) : String(error)
  } finally {
    await lab.close()
  }
  process.stdout.write(`${JSON.stringify({ claim, failure })}\n`)
}
