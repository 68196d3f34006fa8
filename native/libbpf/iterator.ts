import { readSync } from 'node:fs'
import { call } from '../libc.ts'
import type { BpfProgram } from './bpf-object.ts'
import { bpfCall } from './library.ts'

/** BPF_TRACE_ITER */
const iterator = 28

/**
 * Runs an iterator program once for everything there is of its kind: sockets, of the network namespace that the calling
 * thread is in. Takes about a millisecond for a namespace with few of them.
 *
 * @throws BpfError
 */
export function runIterator(program: BpfProgram): void {
  const doing = `run ${program.name}`
  const link = bpfCall('bpf_link_create', doing, program.fd, 0, iterator, null)
  try {
    const fd = bpfCall('bpf_iter_create', doing, link)
    try {
      const output = Buffer.alloc(4096)
      while (readSome(fd, output) > 0);
    } finally {
      call('close', 'close an iterator', fd)
    }
  } finally {
    call('close', 'close a link', link)
  }
}

/** The kernel takes a break after a million objects. */
function readSome(fd: number, output: Buffer): number {
  for (;;) {
    try {
      return readSync(fd, output)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
  }
}
