import koffi from 'koffi'
import { describeErrno } from '../libc.ts'

/** libbpf's calls that this package needs. Those that return a number return -errno. */
const declarations = {
  bpf_object__open_mem: 'void *bpf_object__open_mem(const void *bytes, size_t size, const void *options)',
  bpf_object__load: 'int bpf_object__load(void *object)',
  bpf_object__close: 'void bpf_object__close(void *object)',
  bpf_object__btf: 'void *bpf_object__btf(void *object)',
  btf__raw_data: 'const void *btf__raw_data(void *btf, _Out_ uint32_t *size)',
  bpf_object__find_map_by_name: 'void *bpf_object__find_map_by_name(void *object, const char *name)',
  bpf_object__find_program_by_name: 'void *bpf_object__find_program_by_name(void *object, const char *name)',
  bpf_map__set_max_entries: 'int bpf_map__set_max_entries(void *map, uint32_t entries)',
  bpf_map__reuse_fd: 'int bpf_map__reuse_fd(void *map, int fd)',
  bpf_map__fd: 'int bpf_map__fd(void *map)',
  bpf_program__fd: 'int bpf_program__fd(void *program)',
  bpf_obj_get: 'int bpf_obj_get(const char *path)',
  bpf_obj_pin: 'int bpf_obj_pin(int fd, const char *path)',
  bpf_obj_get_info_by_fd: 'int bpf_obj_get_info_by_fd(int fd, void *info, void *length)',
  bpf_btf_get_fd_by_id: 'int bpf_btf_get_fd_by_id(uint32_t id)',
  bpf_prog_get_fd_by_id: 'int bpf_prog_get_fd_by_id(uint32_t id)',
  bpf_map_update_elem: 'int bpf_map_update_elem(int fd, const void *key, const void *value, uint64_t flags)',
  bpf_map_lookup_elem: 'int bpf_map_lookup_elem(int fd, const void *key, void *value)',
  bpf_map_delete_elem: 'int bpf_map_delete_elem(int fd, const void *key)',
  bpf_map_update_batch:
    'int bpf_map_update_batch(int fd, const void *keys, const void *values, void *count, const void *options)',
  bpf_map_lookup_batch:
    'int bpf_map_lookup_batch(int fd, const void *from, void *next, void *keys, void *values, void *count, const void *options)',
  bpf_iter_create: 'int bpf_iter_create(int link)',
  bpf_link_create: 'int bpf_link_create(int program, int target, int type, const void *options)',
  bpf_link_detach: 'int bpf_link_detach(int link)',
  bpf_link_update: 'int bpf_link_update(int link, int program, const void *options)',
  bpf_tc_hook_create: 'int bpf_tc_hook_create(void *hook)',
  bpf_tc_hook_destroy: 'int bpf_tc_hook_destroy(void *hook)',
  bpf_tc_attach: 'int bpf_tc_attach(void *hook, void *options)',
  bpf_tc_detach: 'int bpf_tc_detach(void *hook, const void *options)',
  bpf_tc_query: 'int bpf_tc_query(void *hook, void *options)',
  libbpf_set_print: 'void *libbpf_set_print(void *print)',
  libbpf_version_string: 'const char *libbpf_version_string()',
} as const

export type LibbpfCall = keyof typeof declarations

type Library = ReturnType<typeof koffi.load>
type Bindings = Record<LibbpfCall, ReturnType<Library['func']>>

let bindings: Bindings | undefined

/** What libbpf or the kernel refused. `log` is the verifier's, where a program was refused. */
export class BpfError extends Error {
  /** `ENOENT` and the like; `BPF_LIBRARY` where libbpf itself is missing. */
  readonly code: string
  readonly log: string | undefined

  constructor(doing: string, errno: number, log?: string) {
    const { code, words } = describeErrno(errno)
    super(`${doing}: ${words} (${code})${log === undefined ? '' : `\n${log}`}`)
    this.name = 'BpfError'
    this.code = code
    this.log = log
  }
}

/** Codes of {@link LibbpfMissingError}: when it happens, and the fix. */
export const libbpfMissingErrorCodes = {
  BPF_LIBRARY: {
    when: 'libbpf.so.1 cannot be loaded',
    fix: 'install libbpf1 (Debian), or libbpf 1.1 or newer',
  },
} as const

/** No libbpf on this machine. */
export class LibbpfMissingError extends Error {
  readonly code: keyof typeof libbpfMissingErrorCodes = 'BPF_LIBRARY'

  constructor(cause: unknown) {
    super(`libbpf.so.1 can't be loaded; install the package libbpf1`, { cause })
    this.name = 'LibbpfMissingError'
  }
}

/** The library, loaded at the first call, so that libbpf is needed for eBPF only. @throws LibbpfMissingError */
export function libbpf(): Bindings {
  if (bindings !== undefined) return bindings
  let library: Library
  try {
    library = koffi.load('libbpf.so.1')
  } catch (cause) {
    throw new LibbpfMissingError(cause)
  }
  const bound = Object.fromEntries(
    Object.entries(declarations).map(([name, declaration]) => [name, library.func(declaration)]),
  ) as Bindings
  // It writes to stderr otherwise; errors say all that it would.
  bound.libbpf_set_print(null)
  bindings = bound
  return bound
}

/** Makes a call that returns -errno; throws {@link BpfError} then. `doing` goes into the message. */
export function bpfCall(name: LibbpfCall, doing: string, ...args: unknown[]): number {
  const result = Number(libbpf()[name](...args))
  if (result < 0) throw new BpfError(doing, -result)
  return result
}

/** The same for a call that may well fail: gives -errno instead. */
export function tryBpfCall(name: LibbpfCall, ...args: unknown[]): number {
  return Number(libbpf()[name](...args))
}

/** A descriptor of what is pinned at a path; the caller closes it. @throws BpfError ENOENT */
export function openPin(path: string): number {
  return bpfCall('bpf_obj_get', `open ${path}`, path)
}
