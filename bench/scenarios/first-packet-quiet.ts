import { setTimeout as sleep } from 'node:timers/promises'
import { probePod } from '../cluster/probe-services.ts'
import { swapAndFollow } from './first-packet.ts'
import type { NodeScenario } from './node-scenario.ts'

const betweenMs = 300
const changes = { quick: 40, thorough: 200 }

/** Code that has not run for a while is slower than in a loop: by caches, by the CPU's sleep, by what V8 has thrown away. */
export const firstPacketQuiet: NodeScenario = {
  kind: 'node',
  name: 'first-packet-quiet',
  meaning: `The same as first-packet, ${betweenMs} ms apart, with no connection in between.`,
  fromOutside: true,
  async play(fixture) {
    const { name } = firstPacketQuiet
    for (let turn = 0; turn < changes[fixture.effort]; turn++) {
      await swapAndFollow(fixture, name, probePod + 1 + (turn % 2))
      await sleep(betweenMs)
    }
    await swapAndFollow({ ...fixture, record: () => {} }, name, probePod)
  },
}
