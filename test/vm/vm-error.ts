/** Codes of {@link VmError}: when it happens, and the fix. */
export const vmErrorCodes = {
  VM_MISSING: {
    when: 'QEMU, a tool or the kernel is not here',
    fix: 'run the line that the message has',
  },
  VM_TIMED_OUT: {
    when: 'the command, or the boot, took longer than it was given',
    fix: 'give it longer with --timeout; without /dev/kvm a machine is some 18 times slower',
  },
  PROGRAM_KILLED: {
    when: 'a signal ended the command, such as SIGSEGV, which is how a memory fault in native code looks',
    fix: 'look for the fault in native code',
  },
  VM_BROKE_DOWN: {
    when: "the machine ended without an exit code: a panic, or QEMU's own failure",
    fix: 'look at the end of its console, which the message has',
  },
} as const

export type VmErrorCode = keyof typeof vmErrorCodes

/** The machine failed, or the command in it in another way than by an exit code. */
export class VmError extends Error {
  readonly code: VmErrorCode

  constructor(code: VmErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.name = 'VmError'
    this.code = code
  }
}
