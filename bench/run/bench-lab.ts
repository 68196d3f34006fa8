import { createLab, type Host, type Lab } from '@portolan/lab'
import { probeTargetPort } from '../cluster/probe-services.ts'

/** A lab whose remote node answers at every pod's address. Needs root. */
export async function createBenchLab(): Promise<Lab> {
  const lab = await createLab()
  try {
    await lab.remote.serve('TCP', '0.0.0.0', probeTargetPort)
    return lab
  } catch (error) {
    await lab.close()
    throw error
  }
}

/**
 * The lab in which one cell is measured after the other: made when the first one asks for it, and a new one after a cell
 * that failed, because it is unknown what that has left.
 */
export class SharedLab {
  #lab: Promise<Lab> | undefined

  /** @param cleanUp removes what the work may have left outside of the lab's namespaces where it fails */
  async use<Result>(
    work: (lab: Lab) => Promise<Result>,
    cleanUp: (node: Host) => Promise<unknown> = async () => {},
  ): Promise<Result> {
    this.#lab ??= createBenchLab()
    const lab = await this.#lab.catch((error) => {
      this.#lab = undefined
      throw error
    })
    try {
      return await work(lab)
    } catch (error) {
      await cleanUp(lab.node).catch(() => {})
      await this.close()
      throw error
    }
  }

  async close(): Promise<void> {
    const made = this.#lab
    this.#lab = undefined
    await (await made)?.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
