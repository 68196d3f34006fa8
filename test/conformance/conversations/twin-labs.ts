import type { IpFamily } from '@portolan/core'
import { createLab, type Lab, network } from '@portolan/lab'
import { createTestbed, type Testbed, type TestbedOptions } from '../testbed.ts'
import type { Listener, Script } from './conversation.ts'
import { judge, type Trial } from './judge.ts'
import { Ledger } from './ledger.ts'
import { play } from './play.ts'
import { conversationObjects, listeners } from './services.ts'
import { hostOf, listenerAddress, World } from './world.ts'

/**
 * Two labs with the same addresses, servers and rules of others; one has the dataplane, the other none. Every script is
 * played in both.
 */
export class TwinLabs {
  readonly testbed: Testbed
  readonly bare: Lab
  readonly #ledgers: { readonly proxied: Ledger; readonly bare: Ledger }
  readonly #worlds: ReadonlyMap<IpFamily, World>
  #plays = 0

  private constructor(testbed: Testbed, bare: Lab) {
    this.testbed = testbed
    this.bare = bare
    this.#ledgers = { proxied: new Ledger(testbed.lab), bare: new Ledger(bare) }
    this.#worlds = new Map(
      testbed.families.map((family) => {
        const origin = (client: Parameters<World['origin']>[0]) => testbed.origin(client, family)
        return [family, new World(family, testbed.cluster.table(family), origin)]
      }),
    )
  }

  static async create(options: TestbedOptions): Promise<TwinLabs> {
    const making = [
      createTestbed(options),
      createLab({ pods: 3, slowness: options.timeouts.slowness }),
    ] as const
    const [testbed, bare] = await Promise.all(making).catch(async (error: unknown) => {
      for (const made of await Promise.allSettled(making))
        if (made.status === 'fulfilled') await made.value.close()
      throw error
    })
    try {
      testbed.cluster.set(...conversationObjects())
      await testbed.driver.start()
      await Promise.all([testbed.lab, bare].map((lab) => furnish(lab, options.families)))
      return new TwinLabs(testbed, bare)
    } catch (error) {
      await Promise.all([testbed.close(), bare.close()])
      throw error
    }
  }

  world(family: IpFamily): World {
    const world = this.#worlds.get(family)
    if (world === undefined) throw new Error(`these labs have no ${family}`)
    return world
  }

  /**
   * Plays a script in both labs. Where nothing but a port was not what it is without a proxy, it is played once more, from
   * other ports: where a script before it shared a port (see {@link judge}), connection tracking has chosen another among
   * all that there are, and for a minute or two that one is taken for later scripts. Who changes ports does it again.
   *
   * @param answerMs how long an answer may take @returns what was wrong, in sentences
   */
  async try(
    script: Script,
    family: IpFamily,
    answerMs = this.testbed.timeouts.answerMs,
  ): Promise<readonly string[]> {
    const first = await this.#play(script, family, answerMs)
    const failures = judge(first)
    if (failures.length === 0 || judge({ ...first, ignoresPorts: true }).length > 0) return failures
    return judge(await this.#play(script, family, answerMs))
  }

  async #play(script: Script, family: IpFamily, answerMs: number): Promise<Trial> {
    const number = this.#plays++
    const world = this.world(family)
    const given = { world, script, number, answerMs }
    const [proxied, bare] = await Promise.all([
      play({ ...given, lab: this.testbed.lab, ledger: this.#ledgers.proxied, proxied: true }),
      play({ ...given, lab: this.bare, ledger: this.#ledgers.bare, proxied: false }),
    ])
    const hidesClients = this.testbed.dataplane.capabilities.gaps.clientAddress !== undefined
    return { script, world, number, proxied, bare, ...(hidesClients ? { hidesClients } : {}) }
  }

  async close(): Promise<void> {
    await Promise.all([this.testbed.close(), this.bare.close()])
  }
}

/** Servers, and what others have on the node. */
async function furnish(lab: Lab, families: readonly IpFamily[]): Promise<void> {
  await masqueradePods(lab)
  await Promise.all(
    families.flatMap((family) =>
      Object.entries(listeners).flatMap(([listener, ports]) =>
        ports.flatMap((port) =>
          (['TCP', 'UDP'] as const).map((protocol) => {
            const name = listener as Listener
            return hostOf(lab, name).serveRecorded(protocol, listenerAddress(name, family), port)
          }),
        ),
      ),
    ),
  )
}

/**
 * As network plugins do: what the pod that is the endpoint of no Service says to others than pods gets an address of the node's.
 * The kernel keeps its port where it can, so answers come to ports of the node's that nothing there listens at.
 */
async function masqueradePods(lab: Lab): Promise<void> {
  const tables = (['IPv4', 'IPv6'] as const).map((family) => {
    const [table, match] = family === 'IPv4' ? ['ip', 'ip'] : ['ip6', 'ip6']
    const pod = listenerAddress('pod', family)
    const { clusterCidr } = network[family]
    return `table ${table} network-plugin {
      chain postrouting {
        type nat hook postrouting priority srcnat - 1
        oifname { eth0, eth2 } ${match} saddr ${pod} ${match} daddr != ${clusterCidr} masquerade
      }
    }`
  })
  await lab.node.exec('nft', ['-f', '-'], { input: tables.join('\n') })
}
