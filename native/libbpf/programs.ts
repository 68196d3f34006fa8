import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Codes of {@link ProgramsMissingError}: when it happens, and the fix. */
export const programsMissingErrorCodes = {
  BPF_PROGRAMS: {
    when: 'the compiled eBPF programs are not where they belong',
    fix: 'in a checkout run npm run setup; else install the package again',
  },
} as const

/** The compiled programs are not where they should be. */
export class ProgramsMissingError extends Error {
  readonly code: keyof typeof programsMissingErrorCodes = 'BPF_PROGRAMS'

  constructor(path: string, cause: unknown) {
    super(`there is no ${path}; in a checkout, 'npm run setup' compiles it`, { cause })
    this.name = 'ProgramsMissingError'
  }
}

/** The object file of native/bpf, which set-up compiles and the package brings along. @throws ProgramsMissingError */
export function readPrograms(): Buffer {
  return readObject('portolan')
}

/** The one that closes sockets; Linux 6.5 can load it. @throws ProgramsMissingError */
export function readClosingPrograms(): Buffer {
  return readObject('close')
}

function readObject(name: string): Buffer {
  const path = fileURLToPath(new URL(`../bpf/${name}.bpf.o`, import.meta.url))
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new ProgramsMissingError(path, cause)
  }
}
