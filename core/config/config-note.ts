/** Something about a configuration that can be used, which its author may not expect. */
export interface ConfigNote {
  /**
   * `unknown`: no such field or document, so it is not read. `duplicate`: said twice, the last one counts. `flag`: not read
   * beside --config. `unused`: of a mode that isn't chosen. `ignored`: it does nothing here. `differs`: it does something
   * else than in kube-proxy.
   */
  readonly kind: 'unknown' | 'duplicate' | 'flag' | 'unused' | 'ignored' | 'differs'
  /** `config.conf:12`; absent: a flag, or a default. */
  readonly at?: string
  readonly setting: string
  readonly why: string
}

/** `config.conf:12: conntrack.mix: unknown, not read` */
export function describeNote({ at, setting, why }: ConfigNote): string {
  return `${at === undefined ? '' : `${at}: `}${setting}: ${why}`
}
