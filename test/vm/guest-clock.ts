/**
 * A guest whose time runs too fast, and by what.
 *
 * The kernel measures the processor's clock (TSC) by the PIT, for 10 ms. A machine that is held up between the PIT's start
 * and the first reading counts too few ticks: its time then runs several times as fast as the host's, to its end, and all
 * timeouts in it are as much shorter. The kernel compares the result with the HPET, by which this can't happen, and tells
 * the difference; but it believes the PIT (`pit_hpet_ptimer_calibrate_cpu` in arch/x86/kernel/tsc.c).
 *
 * Measured on two cores with a load of 14, by the guest's log: 3 of 7 machines, at 390, 739 and 947 MHz instead of 2,596.
 */

/** What the guest's kernel has said of it, as job.sh looks for it. `tscKhz`: how fast the clock is by the HPET. */
export interface WrongClock {
  readonly tscKhz?: number
}

/** What is said of a clock on the control port; `undefined`: it is right. */
export function readWrongClock(control: string): WrongClock | undefined {
  if (!/^clock wrong\r?$/m.test(control)) return undefined
  const khz = /tsc: PIT calibration deviates from \w+: \d+ (\d+)/.exec(control)?.[1]
  return khz === undefined ? {} : { tscKhz: Number(khz) }
}
