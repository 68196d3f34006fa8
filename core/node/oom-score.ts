import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '../log/logger.ts'

/** What kubelet gives a pod of priority system-node-critical: it goes last, and no capability is needed to keep it. */
const ofCriticalPod = -997

/**
 * Sets this process's oom_score_adj, so that the kernel ends others first where memory runs out: a node without its proxy
 * keeps its rules and can't follow changes. It may be refused: to lower it takes CAP_SYS_RESOURCE.
 *
 * @param score -1000 to 1000
 * @param root where the file system begins: `/`, unless in a test
 */
export async function setOomScore(score: number, logger: Pick<Logger, 'warn'>, root = '/'): Promise<void> {
  const path = join(root, 'proc/self/oom_score_adj')
  let before = 0
  try {
    before = Number(await readFile(path, 'utf8'))
    if (before !== score) await writeFile(path, String(score))
  } catch (error) {
    if (before <= ofCriticalPod && score < before) return
    const { code = String(error) } = error as NodeJS.ErrnoException
    logger.warn(
      { event: 'oom-score-not-set', value: score, reason: code },
      `this process's oom_score_adj can't be set to ${score} (${code}): give the container the capability SYS_RESOURCE, ` +
        'or oomScoreAdj (--oom-score-adj) a value that is not below the one that it has',
    )
  }
}
