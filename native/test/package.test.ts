import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import test from 'ava'

test('the published package has the compiled eBPF programs and their sources, and no tests', (t) => {
  const cwd = fileURLToPath(new URL('..', import.meta.url))
  const packed = execFileSync('npm', ['pack', '--dry-run', '--json', '--loglevel=error'], {
    cwd,
    encoding: 'utf8',
  })
  const [{ files }] = JSON.parse(packed.slice(packed.indexOf('['))) as [{ files: { path: string }[] }]
  const paths = files.map(({ path }) => path)
  for (const path of [
    'bpf/portolan.bpf.o',
    'bpf/close.bpf.o',
    'bpf/portolan.bpf.c',
    'bpf/structures.h',
    'libbpf/index.ts',
    'netfilter/index.ts',
    'netlink/netlink-socket.ts',
  ])
    t.true(paths.includes(path), path)
  t.deepEqual(
    paths.filter((path) => path.includes('.test.') || path.startsWith('test/')),
    [],
  )
})
