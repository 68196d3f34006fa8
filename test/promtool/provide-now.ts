/** Gets promtool, ahead of the tests. Where it can't be had, it says why, and the tests that need it are skipped. */
import { cachedPromtool, fetchPromtool } from './debian-promtool.ts'

if (cachedPromtool() === undefined) {
  console.log("setup: unpacking Debian's promtool into the cache folder, without installing it")
  try {
    await fetchPromtool()
  } catch (error) {
    const [why] = (error instanceof Error ? error.message : String(error)).split('\n')
    console.error(`setup: no promtool for the tests: ${why}`)
  }
}
