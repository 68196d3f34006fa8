import { endpointReplaced } from './endpoint-replaced.ts'
import { internalsOf, type NodeScenario } from './node-scenario.ts'

const failures = { quick: 1, thorough: 20 }

/** The failure is made before the dataplane, so that it is the same for all of them; the repetition is real. */
export const failedApply: NodeScenario = {
  kind: 'node',
  name: 'failed-apply',
  meaning: 'An apply fails; the kernel is read back and brought to the newest table.',
  fromOutside: false,
  async play(fixture) {
    const { server, effort, record } = fixture
    const inside = internalsOf(fixture)
    inside.takeApplied()
    const length = 2 * failures[effort]
    for (let turn = 0; turn < length; turn++) {
      await inside.failOnce()
      const { events } = await server.call('change', endpointReplaced.name, turn, length)
      await inside.eventsApplied(events)
      for (const { why, received, applied, begun } of inside.takeApplied()) {
        const [first] = received
        if (why !== 'retry' || first === undefined) continue
        record(failedApply.name, 'failureToCommit', applied - first)
        record(failedApply.name, 'computeAndApply', applied - begun)
      }
    }
  },
}
