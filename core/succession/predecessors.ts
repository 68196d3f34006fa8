import type { Dataplane } from '../dataplane/contract.ts'
import { DataplaneLoadError, loadDataplane, ownDataplanes } from '../dataplane/load-dataplane.ts'
import type { Logger } from '../log/logger.ts'

/** Another dataplane whose rules stand on this node. */
export interface Predecessor {
  /** As `--dataplane` takes it. */
  readonly name: string
  readonly dataplane: Pick<Dataplane, 'capabilities' | 'remains' | 'drain' | 'cleanup'>
  /** What there is, a line each; never empty. */
  readonly remains: readonly string[]
}

export interface PredecessorSearch {
  /** The dataplane that is to run here. */
  readonly successor: string
  readonly masqueradeBit: number
  readonly logger: Pick<Logger, 'debug' | 'warn'>
}

/**
 * Which of Portolan's other dataplanes have left rules on this node, whichever process it was. Those of other authors are not
 * known by name here. Changes nothing.
 */
export async function findPredecessors(search: PredecessorSearch): Promise<readonly Predecessor[]> {
  const { successor, masqueradeBit, logger } = search
  const found: Predecessor[] = []
  for (const name of Object.keys(ownDataplanes)) {
    if (name === successor || ownDataplanes[name] === successor) continue
    try {
      const onNotice = (notice: string): void =>
        logger.warn({ event: 'dataplane-notice', dataplane: name }, notice)
      const dataplane = await loadDataplane(name, { masqueradeBit, settings: {}, onNotice })
      const remains = (await dataplane.remains?.()) ?? []
      if (remains.length > 0) found.push({ name, dataplane, remains })
    } catch (error) {
      // Who installs one dataplane alone has never run the others from here.
      if (error instanceof DataplaneLoadError && error.code === 'DATAPLANE_NOT_INSTALLED') continue
      logger.debug({ error, dataplane: name }, 'what another dataplane has left here cannot be looked for')
    }
  }
  return found
}
