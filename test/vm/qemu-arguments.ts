import { writableTag } from './initramfs.ts'
import type { Kernel } from './kernel.ts'

/** The ports between guest and host, each one end of a socket pair that QEMU inherits as this file descriptor. */
export const ports = { stdout: 3, stderr: 4, control: 5 } as const
export const consoleDescriptor = 6
export const initramfsDescriptor = 7

export interface Machine {
  readonly kernel: Kernel
  readonly writable: readonly string[]
  readonly cpus: number
  readonly memoryMiB: number
  /** How fast the processor's clock runs, where the kernel would measure it wrongly: see guest-clock.ts. */
  readonly tscKhz?: number
}

/** QEMU's argument vector for one boot. Nothing in it makes QEMU listen anywhere or write a file. */
export function qemuArguments({ kernel, writable, cpus, memoryMiB, tscKhz }: Machine): string[] {
  return [
    // Never KVM: where it only seems to work (nested), the guest hangs. microvm boots a second faster than q35, and
    // sometimes not at all.
    // No protection keys: where there are some, V8 keeps a list of its code pages, and its threads trip over it at
    // times ("Check failed: it->second.Size() > offset").
    // No erms: where it's there, memory is cleared and copied by one instruction for all of it, of which each byte is
    // translated. No AVX, which is more to translate for the same. A test takes a fifth less with both.
    ...['-machine', 'q35', '-accel', 'tcg,thread=multi,tb-size=512', '-cpu', 'max,pku=off,erms=off,avx=off'],
    ...['-smp', String(cpus), '-m', `${memoryMiB}M`],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-nic', 'none', '-no-reboot'],
    ...[
      '-kernel',
      kernel.image,
      '-initrd',
      `/proc/self/fd/${initramfsDescriptor}`,
      '-append',
      tscKhz === undefined ? kernelCommandLine : `${kernelCommandLine} tsc_early_khz=${tscKhz}`,
    ],
    ...['-chardev', `socket,id=console,fd=${consoleDescriptor}`, '-serial', 'chardev:console'],
    ...sharedFolder('root', '/', true),
    ...writable.flatMap((path, index) => sharedFolder(writableTag(index), path, false)),
    ...['-device', 'virtio-serial-pci'],
    ...Object.entries(ports).flatMap(([name, descriptor]) => [
      ...['-chardev', `socket,id=${name},fd=${descriptor}`],
      ...['-device', `virtserialport,chardev=${name},name=${name}`],
    ]),
  ]
}

const kernelCommandLine = [
  'console=ttyS0 quiet loglevel=4',
  // A machine that is held up while its kernel waits for ten ticks of the timer has a timer all the same.
  'no_timer_check',
  // With -no-reboot a panic ends QEMU at once.
  'panic=-1',
  // What costs time and gains nothing in a machine that lives for a minute.
  'mitigations=off nokaslr random.trust_cpu=on tsc=reliable',
  'cgroup_no_v1=all',
  'rdinit=/init',
].join(' ')

function sharedFolder(tag: string, path: string, readOnly: boolean): string[] {
  // In QEMU's options a comma is written twice.
  const folder = `local,id=${tag},path=${path.replaceAll(',', ',,')},security_model=none,multidevs=remap`
  return [
    ...['-fsdev', readOnly ? `${folder},readonly=on` : folder],
    ...['-device', `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`],
  ]
}
