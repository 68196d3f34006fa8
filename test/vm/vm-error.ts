/**
 * - `VM_MISSING`: QEMU, a tool or the kernel isn't here; the message has the line that gets it.
 * - `VM_TIMED_OUT`: the command (or the boot) took longer than it was given.
 * - `VM_BROKE_DOWN`: the machine ended without an exit code: a panic, QEMU's own failure; with the console's end.
 */
export type VmErrorCode = 'VM_MISSING' | 'VM_TIMED_OUT' | 'VM_BROKE_DOWN'

/** The machine failed, not the command in it: that one's failure is its exit code. */
export class VmError extends Error {
  readonly code: VmErrorCode

  constructor(code: VmErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.name = 'VmError'
    this.code = code
  }
}
