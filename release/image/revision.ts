import { runTool } from './tool.ts'

/** What of the checkout an image is made of. */
export interface Revision {
  /** The commit, with `-dirty` behind it where the files are not the commit's. */
  readonly revision: string
  /** The commit's time, as an ISO date. */
  readonly created: string
}

/** @param root the checkout @throws {ImageError} IMAGE_TOOL where git knows no commit of it */
export async function readRevision(root: string): Promise<Revision> {
  const [commit = '', seconds = '0'] = (
    await runTool('git', ['log', '-1', '--format=%H %ct'], { cwd: root })
  ).split(' ')
  const changed = await runTool('git', ['status', '--porcelain'], { cwd: root })
  return {
    revision: changed === '' ? commit : `${commit}-dirty`,
    created: new Date(Number(seconds) * 1000).toISOString().replace('.000Z', 'Z'),
  }
}
