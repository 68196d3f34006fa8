import type { ApplyReport, CleanupReport, Kernel, ProbeReport } from '@portolan/core'
import { ApplyError } from '@portolan/core'
import type { Contents, Program } from './program.ts'

/** The half with effects, in one network namespace: to be written. What each method must do says `Kernel`. */
export class AcmeKernel implements Kernel<Program, Contents> {
  /** As a path; `undefined`: the process's own. Everything below works there. */
  readonly networkNamespace: string | undefined

  constructor(networkNamespace: string | undefined) {
    this.networkNamespace = networkNamespace
  }

  /** Changes nothing. */
  async probe(): Promise<ProbeReport> {
    const problem = { what: 'the kernel half of acme is not written yet', fix: 'write src/kernel.ts' }
    return { usable: false, problems: [problem], facts: {} }
  }

  /** All of ours that is there, whoever wrote it, as `contentsOf` would name it. Changes nothing. */
  async observe(): Promise<Contents> {
    throw new Error('observe is not written yet: see src/kernel.ts')
  }

  /** First make what is new, then switch what leads to it, then remove what is old. */
  async apply(program: Program): Promise<ApplyReport> {
    throw new ApplyError(`apply is not written yet, for ${program.operations} operations: see src/kernel.ts`)
  }

  /** Removes all that `apply` ever made here, and nothing else. It makes nothing yet. */
  async cleanup(): Promise<CleanupReport> {
    return { removed: [] }
  }
}
