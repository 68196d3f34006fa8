/**
 * A second kernel: runs any command of this machine on Debian's kernel in QEMU, in its own time and memory but with
 * this machine's files. For what the machine's own kernel lacks (IPVS, modules), and to see whether a dataplane works
 * on an older one.
 *
 * ```ts
 * const { exitCode } = await runInVm(['node', 'probe.ts'], { cwd: import.meta.dirname })
 * ```
 *
 * A developer runs `npm run vm -- COMMAND`, for example `npm run vm -- uname -r`; `--help` tells the rest.
 *
 * What the command finds: every file of this machine, at its path; what it writes stays in the guest's memory, but for
 * folders given as `writable`. It is root, has no network but loopback, no standard input, and the modules of the
 * guest's kernel load by themselves.
 *
 * QEMU only translates instructions (TCG), so it runs in any virtual machine or container and needs no KVM. Measured
 * on two cores: 3 s from the start to the command, 8 s when others use the cores (`npm run vm -- --times true`); programs
 * take 15 to 20 times as long as outside (`npm run vm -- --times node --version`; dataplanes/nftables/test/kernel.test.ts: 58 s
 * for 3.2 s). So run much in one process rather than many processes, and give it time: `ava --timeout=30m`. A machine
 * freezes now and then: what takes minutes runs by `runToTheEnd`, in as many machines as it needs.
 *
 * QEMU and kmod have to be installed; the kernel and busybox are packages unpacked into a cache folder
 * (`~/.cache/portolan/vm`, 470 MB; remove it to get a newer kernel), without being installed. See `provideVm`.
 */
export { unpackDebianPackage, updatingIfNeeded } from './debian-package.ts'
export { cacheFolder } from './kernel.ts'
export { missingForVm, provideVm, vmKernelRelease } from './provide.ts'
export { runInVm, type VmOptions, type VmResult } from './run-in-vm.ts'
export { type LongRunOptions, runToTheEnd } from './run-to-the-end.ts'
export { VmError, type VmErrorCode } from './vm-error.ts'
