/**
 * The thread in which parsers are tried: one that hangs, or fills the memory, is ended from outside. It goes from target to
 * target, each seed for all of them, and counts inputs where the other side sees it.
 */
import { parentPort, workerData } from 'node:worker_threads'
import fc from 'fast-check'
import { findTargets, targetsOf } from './find-targets.ts'
import { fuzzRound } from './fuzz-round.ts'
import type { FuzzWork, FuzzWorkerMessage } from './fuzz-work.ts'

const work: FuzzWork = workerData
const place = new Int32Array(work.place)
const tell = (message: FuzzWorkerMessage) => parentPort?.postMessage(message)

const all =
  work.files === undefined
    ? await findTargets(work.root)
    : (await Promise.all(work.files.map((file) => targetsOf(work.root, file)))).flat()
const targets = all.filter(({ name }) => name.includes(work.only ?? '') && !work.without.includes(name))
tell({ targets: targets.map(({ name }) => name) })

const show = work.show
const faulty = new Set<string>()
let total = 0
const last = targets.length === 0 ? 0 : work.seed + work.seeds
for (let seed = work.seed; seed < last && Date.now() < work.until; seed++) {
  for (const [index, target] of targets.entries()) {
    if (faulty.has(target.name) || (show !== undefined && show.target !== target.name)) continue
    Atomics.store(place, 0, index)
    Atomics.store(place, 1, seed)
    Atomics.store(place, 2, 0)
    const fault = await fuzzRound(target, {
      seed,
      runs: work.runs,
      ...(work.turnMs === undefined ? {} : { limitMs: work.turnMs }),
      trying: (input) => {
        total++
        if (Atomics.add(place, 2, 1) + 1 === show?.run) {
          tell({ shown: fc.stringify(input) })
          // Till it is ended from outside: what comes now is what hangs.
          for (;;) Atomics.wait(place, 2, Atomics.load(place, 2))
        }
        Atomics.store(place, 3, total)
      },
    })
    if (fault !== undefined) {
      tell({ fault })
      faulty.add(target.name)
    }
  }
}
tell({ tried: total })
