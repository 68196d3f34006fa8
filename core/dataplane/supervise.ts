import type { UdpFlows } from '../table/udp-flows.ts'
import type { CompiledProgram } from './compiled-program.ts'
import type { Dataplane } from './contract.ts'
import type { SupervisionOptions } from './supervised-calls.ts'
import { isSupervised, SupervisedDataplane } from './supervised-dataplane.ts'

/**
 * The dataplane as `defineDataplane` would have made it, so that the core can trust it: one that wraps another, as tests
 * and measurements do, is supervised like any other.
 */
export function supervised(dataplane: Dataplane, supervision?: SupervisionOptions): Dataplane {
  if (isSupervised(dataplane)) return dataplane
  const { name, capabilities, upkeep, forgetFlows, remains, drain } = dataplane
  let failedToStart = false
  const kernel = {
    probe: () => dataplane.probe(),
    async open() {
      failedToStart = true
      await dataplane.start()
      failedToStart = false
    },
    close: () => dataplane.stop(),
    observe: ({ family }: ForFamily) => dataplane.observe(family),
    isUnchanged: ({ family }: ForFamily) => dataplane.isUnchanged(family),
    async apply(program: CompiledProgram) {
      const { bytes, degraded } = await dataplane.apply(program)
      return { bytes, degraded: degraded?.filter((one) => !program.degraded.includes(one)) }
    },
    ...(upkeep === undefined ? {} : { upkeep: ({ family }: ForFamily) => dataplane.upkeep?.(family) }),
    ...(forgetFlows === undefined
      ? {}
      : { forgetFlows: (flows: UdpFlows, { family }: ForFamily) => dataplane.forgetFlows?.(family, flows) }),
    ...(remains === undefined ? {} : { remains: () => dataplane.remains?.() }),
    ...(drain === undefined ? {} : { drain: () => dataplane.drain?.() }),
    cleanup: () => dataplane.cleanup(),
  }
  const parts = { compiler: dataplane, kernel } as unknown as ConstructorParameters<
    typeof SupervisedDataplane
  >[0]['parts']
  const made = { name, capabilities, parts, stopped: new AbortController() }
  const whole = new SupervisedDataplane(made, supervision)
  const close = whole.stop.bind(whole)
  const stop = async (): Promise<void> => {
    await close()
    // It may have opened half of what it needs.
    if (failedToStart) await dataplane.stop()
  }
  return Object.assign(whole, { stop }) as unknown as Dataplane
}

type ForFamily = { readonly family: Parameters<Dataplane['observe']>[0] }
