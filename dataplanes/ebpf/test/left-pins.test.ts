/** Pins outlive the network namespace of their node, so who takes a virtual node down has the dataplane clean up first. */
import { existsSync, readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { runConformance } from '@portolan/conformance'
import { search } from '@portolan/conformance/fuzz'
import test from 'ava'
import { unpinDeadNodes } from '../kernel/pins.ts'
import labDataplane from './lab-dataplane.ts'

test.after.always(unpinDeadNodes)

/** Names of what is pinned for virtual nodes of this process. */
function pinned(): readonly string[] {
  try {
    return readdirSync('/sys/fs/bpf/portolan').filter((name) => name.includes(`pl-${process.pid}-`))
  } catch {
    return []
  }
}

test.serial('a search that is interrupted in the midst of a round leaves nothing pinned', async (t) => {
  t.timeout(600_000)
  const interrupted = new AbortController()
  const nodesThere: boolean[] = []
  let whileApplied = 0
  const factory: typeof labDataplane = {
    ...labDataplane,
    create(options, supervision) {
      const dataplane = labDataplane.create(options, supervision)
      const cleanup = dataplane.cleanup.bind(dataplane)
      const apply = dataplane.apply.bind(dataplane)
      dataplane.apply = async (program) => {
        const report = await apply(program)
        whileApplied = pinned().length
        interrupted.abort()
        // Longer than it takes to remove the node.
        await sleep(3000)
        return report
      }
      dataplane.cleanup = async () => {
        const report = await cleanup()
        nodesThere.push(existsSync(options.networkNamespace ?? ''))
        return report
      }
      return dataplane
    },
  }
  const { found } = await search({
    factory,
    settings: {},
    seed: 1,
    phases: ['packets'],
    searchMs: 3_600_000,
    shrinkMs: 5000,
    signal: interrupted.signal,
  })
  t.is(found, undefined)
  t.is(whileApplied, 1)
  t.deepEqual(nodesThere, [true])
  t.deepEqual(pinned(), [])
})

test.serial('a node that was kept to be looked at leaves nothing pinned when it ends', async (t) => {
  t.timeout(600_000)
  const { capabilities } = labDataplane
  let whileKept: readonly string[] = []
  await runConformance({
    // Its row fails, since it passes in spite of this gap.
    factory: { ...labDataplane, capabilities: { ...capabilities, gaps: { sourceClasses: 'none' } } },
    families: ['IPv4'],
    filter: ({ name }) => name === 'a ClusterIP masquerades what comes from the node or from outside',
    onFailedNode: async () => {
      whileKept = pinned()
    },
  })
  t.is(whileKept.length, 1)
  t.deepEqual(pinned(), [])
})
