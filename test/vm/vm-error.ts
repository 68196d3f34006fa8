/**
 * - `VM_MISSING`: QEMU, a tool or the kernel isn't here; the message has the line that gets it.
 * - `VM_TIMED_OUT`: the command (or the boot) took longer than it was given.
 * - `PROGRAM_KILLED`: a signal ended the command, such as SIGSEGV: a fault of memory in native code looks like that.
 * - `VM_BROKE_DOWN`: the machine ended without an exit code: a panic, QEMU's own failure; with the console's end.
 */
export type VmErrorCode = 'VM_MISSING' | 'VM_TIMED_OUT' | 'PROGRAM_KILLED' | 'VM_BROKE_DOWN'

/** The machine failed, or the command in it in another way than by an exit code. */
export class VmError extends Error {
  readonly code: VmErrorCode

  constructor(code: VmErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.name = 'VmError'
    this.code = code
  }
}
