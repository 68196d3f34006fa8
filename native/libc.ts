import { createRequire } from 'node:module'
import { getSystemErrorMap } from 'node:util'

/** The C library's calls that this package needs. */
function bind(koffi: typeof import('koffi')) {
  const library = koffi.load('libc.so.6')
  return {
    open: library.func('int open(const char *path, int flags)'),
    mount: library.func(
      'int mount(const char *source, const char *target, const char *type, uint64_t flags, const char *data)',
    ),
    umount2: library.func('int umount2(const char *target, int flags)'),
    close: library.func('int close(int fd)'),
    flock: library.func('int flock(int fd, int operation)'),
    ioctl: library.func('int ioctl(int fd, uint64_t request, void *argument)'),
    fcntl: library.func('int fcntl(int fd, int command, int64_t argument)'),
    setns: library.func('int setns(int fd, int type)'),
    unshare: library.func('int unshare(int flags)'),
    socket: library.func('int socket(int domain, int type, int protocol)'),
    bind: library.func('int bind(int fd, const void *address, uint32_t length)'),
    connect: library.func('int connect(int fd, const void *address, uint32_t length)'),
    getsockname: library.func('int getsockname(int fd, _Out_ void *address, void *length)'),
    setsockopt: library.func(
      'int setsockopt(int fd, int level, int name, const void *value, uint32_t length)',
    ),
    getsockopt: library.func('int getsockopt(int fd, int level, int name, _Out_ void *value, void *length)'),
    send: library.func('int64_t send(int fd, const void *buffer, size_t length, int flags)'),
    recv: library.func('int64_t recv(int fd, _Out_ void *buffer, size_t length, int flags)'),
    recvmmsg: library.func('int recvmmsg(int fd, void *messages, uint32_t count, int flags, void *timeout)'),
  }
}

let bound: { readonly koffi: typeof import('koffi'); readonly calls: ReturnType<typeof bind> } | undefined

/** Bound once per thread, on first use: koffi takes 20 ms to load, which `explain` and `plan` from a file need not spend. */
function library(): NonNullable<typeof bound> {
  if (bound === undefined) {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
    bound = { koffi, calls: bind(koffi) }
  }
  return bound
}

export type LibcCall = keyof ReturnType<typeof bind>

/** A system call that failed: which one, on what, and the errno by name and in words. */
export class SystemCallError extends Error {
  /** `ENOENT` and the like; `E<number>` for one that Node doesn't know. */
  readonly code: string
  readonly errno: number

  constructor(doing: string, errno: number) {
    const { code, words } = describeErrno(errno)
    super(`${doing}: ${words} (${code})`)
    this.name = 'SystemCallError'
    this.code = code
    this.errno = errno
  }
}

/** The name of an errno and its meaning in words. */
export function describeErrno(errno: number): { readonly code: string; readonly words: string } {
  const [code, words] = getSystemErrorMap().get(-errno) ?? [`E${errno}`, `error ${errno}`]
  return { code, words }
}

/** Makes the call; throws {@link SystemCallError} when it returns a negative number. `doing` goes into the message. */
export function call(name: LibcCall, doing: string, ...args: unknown[]): number {
  const { koffi, calls } = library()
  const result = Number(calls[name](...args))
  if (result < 0) throw new SystemCallError(doing, koffi.errno())
  return result
}

/** The same for a call that may well fail: gives what it returns. */
export function tryCall(name: LibcCall, ...args: unknown[]): number {
  return Number(library().calls[name](...args))
}

/** Where a buffer lies, for a structure that has to point to it. The buffer must stay for as long as that is used. */
export function memoryAddress(buffer: Uint8Array): bigint {
  return BigInt(library().koffi.address(buffer))
}

/**
 * Makes the call in a thread of its own, for one that may take long inside the kernel: the event loop goes on. Buffers and
 * descriptors must stay until it has returned. The kernel's errno is lost on the way.
 *
 * @returns what it returns: a negative number for a failure
 */
export function callInBackground(name: LibcCall, ...args: unknown[]): Promise<number> {
  const { calls } = library()
  return new Promise((resolve, reject) => {
    calls[name].async(...args, (error: Error | null, result: number | bigint) =>
      error === null || error === undefined ? resolve(Number(result)) : reject(error),
    )
  })
}
