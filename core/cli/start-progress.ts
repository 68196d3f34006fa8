import type { ProxyConfig } from '../config/proxy-config.ts'
import type { RunningProxy } from '../proxy/proxy.ts'
import { keptSets } from './kept-sets.ts'
import type { ProcessLogger } from './log.ts'

/** Milliseconds until it is told what the start waits for, and between two such lines. */
const progress = { first: 2_000, every: 10_000 }

/** Says what the start waits for while it takes long, and when it got there. */
export function tellProgress(
  proxy: RunningProxy,
  config: ProxyConfig,
  logger: ProcessLogger,
  begun: number,
): () => void {
  const sinceStart = (): number => Math.round(performance.now() - begun)
  let timer = setTimeout(tell, progress.first)
  function tell(): void {
    const { awaited } = proxy
    const what = awaited.length === 0 ? ['first apply'] : awaited
    logger.info(
      { event: 'waiting', source: proxy.source.description, ms: sinceStart() },
      `waiting for ${what.join(', ')}`,
    )
    timer = setTimeout(tell, progress.every)
  }
  proxy.synced.then(() =>
    logger.info({ event: 'cluster-synced', ms: sinceStart() }, 'cluster state is complete'),
  )
  proxy.firstApplied.then(() => {
    clearTimeout(timer)
    logger.info({ event: 'node-in-sync', ms: sinceStart() }, 'node in sync')
    for (const builder of proxy.builders)
      for (const line of keptSets(builder, proxy.nodeName))
        logger.warn({ event: 'state-kept', family: builder.family }, line)
    warnWithoutNodePorts(proxy, config, logger)
  })
  return () => clearTimeout(timer)
}

function warnWithoutNodePorts(proxy: RunningProxy, config: ProxyConfig, logger: ProcessLogger): void {
  const answering = proxy.families.some((family) => (proxy.table(family)?.nodePortAddresses.size ?? 0) > 0)
  if (answering) return
  const fix = config.nodePortAddresses.includes('primary')
    ? `check that Node ${proxy.nodeName} exists and that its address is on this machine, or set bindAddress (without a file, --bind-address)`
    : 'none of this machine is in nodePortAddresses (without a file, --nodeport-addresses)'
  logger.warn(
    { event: 'no-nodeport-addresses', node: proxy.nodeName },
    `no address of this node is known, so NodePorts answer nowhere: ${fix}`,
  )
}
