import type { Capabilities, Dataplane } from '../dataplane/contract.ts'
import { thrownMessage } from '../dataplane/dataplane-error.ts'
import { DataplaneLoadError, loadDataplane, loadFactory, ownDataplanes } from '../dataplane/load-dataplane.ts'
import type { Logger } from '../log/logger.ts'
import { type ClosedForward, closedForwards, ipvsForward, ourForward } from '../node/closed-forwards.ts'

/** Who has served this node before, and whose rules stand there. */
export interface Predecessor {
  /** As `--dataplane` takes it; `kube-proxy`. */
  readonly name: string
  /** As a sentence has it: `dataplane nftables`. */
  readonly title: string
  /** What to do to stay with it, in the imperative. */
  readonly goBack: string
  readonly dataplane: Pick<Dataplane, 'capabilities' | 'remains' | 'drain' | 'cleanup'>
  /** What there is, a line each; never empty. */
  readonly remains: readonly string[]
  /** Signs that it still keeps its rules up to date, a line each: that is waited for. Absent: nothing does. */
  atWork?(): Promise<readonly string[]>
  /** Why a dataplane with such capabilities can't take over from it; `undefined`: it can. Absent: each can. */
  obstacle?(successor: Capabilities): string | undefined
  /** Where forwarded packets are dropped by default, and it accepts what it has translated. Absent: it accepts nothing. */
  closedForwards?(): Promise<readonly ClosedForward[]>
}

/** What a look at the node has found. */
export interface Found {
  readonly predecessors: readonly Predecessor[]
  /** Of whom it can't be told whether anything stands here, and why, a line each. */
  readonly unseen: readonly string[]
}

export interface PredecessorSearch {
  /** The dataplane that is to run here, as the operator named it: one of ours, a package or a path. */
  readonly successor: string
  readonly masqueradeBit: number
  readonly logger: Pick<Logger, 'warn'>
}

/** In the chain FORWARD of iptables. */
const acceptingChains: Readonly<Record<string, string>> = { iptables: ourForward, ipvs: ipvsForward }

/**
 * Which of Portolan's other dataplanes have left rules on this node, whichever process it was. Those of other authors are not
 * known by name here. Changes nothing.
 */
export async function findPredecessors(search: PredecessorSearch): Promise<Found> {
  const { successor, masqueradeBit, logger } = search
  // By a path or a link it may be one of ours as well, and its own rules are no predecessor's.
  const running = await loadFactory(successor).then(
    ({ name }) => name,
    () => successor,
  )
  const predecessors: Predecessor[] = []
  const unseen: string[] = []
  for (const name of Object.keys(ownDataplanes)) {
    if (name === successor || ownDataplanes[name] === successor) continue
    try {
      const onNotice = (notice: string): void =>
        logger.warn({ event: 'dataplane-notice', dataplane: name }, notice)
      const dataplane = await loadDataplane(name, { masqueradeBit, settings: {}, onNotice })
      if (dataplane.name === running) continue
      const remains = (await dataplane.remains?.()) ?? []
      const accepting = acceptingChains[name]
      const goBack = `end this process and run 'portolan run --dataplane ${name}'`
      if (remains.length > 0)
        predecessors.push({
          ...{ name, title: `dataplane ${name}`, goBack, dataplane, remains },
          ...(accepting === undefined ? {} : { closedForwards: () => closedForwards(accepting) }),
        })
    } catch (error) {
      // Who installs one dataplane alone has never run the others from here.
      if (error instanceof DataplaneLoadError && error.code === 'DATAPLANE_NOT_INSTALLED') continue
      unseen.push(`dataplane ${name} (${thrownMessage(error)})`)
    }
  }
  return { predecessors, unseen }
}
