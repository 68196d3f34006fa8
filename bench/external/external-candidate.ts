import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import type { Candidate } from '../results.ts'
import type { ExternalProgram } from './external-proxy.ts'

export interface ExternalCandidate {
  readonly candidate: Candidate
  readonly program: ExternalProgram
}

/** Whether there is such a program at all; whether it works shows when it runs. */
export async function externalCandidate(program: ExternalProgram): Promise<ExternalCandidate> {
  const reason = await whyNot(program.program)
  return { candidate: { name: program.name, kind: 'external', usable: reason === '', reason }, program }
}

async function whyNot(path: string): Promise<string> {
  try {
    if (!(await stat(path)).isFile()) return `${path} is no file: name a program`
    await access(path, constants.X_OK)
    return ''
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return `${path} is not there: name a program by its path`
    return `${path} can't be run (${code}): chmod +x it`
  }
}
