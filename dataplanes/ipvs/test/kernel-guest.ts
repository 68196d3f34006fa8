/**
 * Runs checks one after the other, each in a lab of its own, and tells of each in a line of JSON. The argument: their
 * claims, as JSON; without one, all of them.
 */
import { createLab } from '@portolan/lab'
import { kernelChecks } from './kernel-checks.ts'

const claims = process.argv[2] === undefined ? undefined : (JSON.parse(process.argv[2]) as readonly string[])

for (const { claim, run } of kernelChecks.filter((check) => claims?.includes(check.claim) ?? true)) {
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
