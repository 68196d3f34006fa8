import { execFileSync } from 'node:child_process'
import test from 'ava'
import fc from 'fast-check'
import { commandScript } from '../command-script.ts'
import { cpioArchive } from '../cpio.ts'
import { readWrongClock } from '../guest-clock.ts'
import { unpackKernelImage } from '../kernel-image.ts'
import { loadOrder } from '../kernel-modules.ts'

/** What a machine boots from, byte by byte: needs neither QEMU nor a kernel. */

const dependencies = `
kernel/fs/9p/9p.ko: kernel/net/9p/9pnet.ko kernel/fs/netfs/netfs.ko
kernel/net/9p/9pnet_virtio.ko.xz: kernel/net/9p/9pnet.ko kernel/drivers/virtio/virtio.ko
kernel/net/9p/9pnet.ko:
kernel/fs/netfs/netfs.ko: kernel/fs/fscache/fscache.ko
kernel/fs/fscache/fscache.ko:
kernel/drivers/virtio/virtio.ko:
`
const builtIn = 'kernel/fs/overlayfs/overlay.ko\nkernel/drivers/virtio/virtio-pci.ko\n'

test('every module comes once, after those that it needs; built-in ones not at all', (t) => {
  t.deepEqual(loadOrder(['9p', 'overlay', '9pnet_virtio', 'virtio_pci'], dependencies, builtIn), [
    'kernel/net/9p/9pnet.ko',
    'kernel/fs/fscache/fscache.ko',
    'kernel/fs/netfs/netfs.ko',
    'kernel/fs/9p/9p.ko',
    'kernel/drivers/virtio/virtio.ko',
    'kernel/net/9p/9pnet_virtio.ko.xz',
  ])
})

test('a module that the kernel lacks is named', (t) => {
  t.throws(() => loadOrder(['ip_vs'], dependencies, builtIn), { message: 'this kernel has no module ip_vs' })
})

test('an archive is one that the kernel reads: entries and data at multiples of four, modes, sizes', (t) => {
  const archive = cpioArchive([
    { name: 'bin/', content: '' },
    { name: 'bin/x', content: 'hello' },
  ])
  t.is(archive.length % 4, 0)
  const head = archive.indexOf('bin/x\0') - 110
  t.is(head % 4, 0)
  t.is(archive.toString('latin1', head, head + 22), `07070100000002${'000081ed'}`)
  t.is(archive.toString('latin1', head + 54, head + 62), '00000005')
  t.is(archive.toString('latin1', head + 116, head + 121), 'hello')
  t.is(archive.toString('latin1', 14, 22), '000041ed')
  t.regex(archive.toString('latin1'), /TRAILER!!!\0*$/)
})

test('the kernel comes out of a compressed image; an image of another make boots as it is', async (t) => {
  const kernel = Buffer.from('\x7fELF and the rest of a kernel')
  const image = bzImage(execFileSync('xz', ['--check=crc32', '--stdout'], { input: kernel }))
  t.deepEqual(await unpackKernelImage(image), kernel)
  const other = bzImage(Buffer.from('in a format to come'))
  t.is(await unpackKernelImage(other), other)
})

/** One sector of boot code, two of set-up code, then the payload and its unpacked size. */
function bzImage(payload: Buffer): Buffer {
  const image = Buffer.alloc(3 * 512 + payload.length + 4)
  image.writeUInt8(2, 0x1f1)
  image.write('HdrS', 0x202)
  image.writeUInt32LE(payload.length + 4, 0x24c)
  payload.copy(image, 3 * 512)
  return image
}

test('of a clock that the kernel has measured wrongly the right frequency is known, if it is', (t) => {
  const told = (...lines: readonly string[]) =>
    readWrongClock([...lines.map((line) => `[    0.052000] tsc: ${line}`), 'clock wrong', ''].join('\n'))
  t.deepEqual(told('PIT calibration deviates from HPET: 390301 2595335', 'Using PIT calibration value'), {
    tscKhz: 2595335,
  })
  t.deepEqual(told('HPET/PMTIMER calibration failed. Using PIT calibration.'), {})
  t.is(readWrongClock('started\nexit 0\n'), undefined)
})

test('any words and any environment reach the command unchanged', (t) => {
  const word = fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', ''))
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), word, (words, value) => {
      const report = 'printf "%s\\0" "$PWD" "$VALUE" "$@"'
      const script = commandScript({
        command: ['/bin/sh', '-c', report, 'sh', ...words],
        cwd: '/usr',
        env: { VALUE: value, 'not-a-shell-name': '1' },
      })
      const printed = execFileSync('/bin/sh', { input: script, encoding: 'utf8' })
      t.deepEqual(printed.split('\0').slice(0, -1), ['/usr', value, ...words])
    }),
    { numRuns: 30 },
  )
})
