import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** A cgroup with a limit, for one process and what it starts. It needs a hierarchy of cgroup v1 for its controller. */
export class LimitedCgroup implements AsyncDisposable {
  readonly #path: string
  /** Where its process goes when the limit ends. */
  readonly #home: string
  #pid: number | undefined

  /** @throws Error where there is no such hierarchy */
  constructor(controller: 'cpu' | 'memory') {
    const root = `/sys/fs/cgroup/${controller}`
    if (!existsSync(`${root}/cgroup.procs`))
      throw new Error(`no cgroup v1 has the controller ${controller} at ${root}: mount it there`)
    const [, own = '/'] =
      readFileSync('/proc/self/cgroup', 'utf8')
        .split('\n')
        .map((line) => /^\d+:([^:]*):(.*)$/.exec(line) ?? [])
        .map(([, controllers = '', path = '/']) => [controllers, path])
        .find(([controllers = '']) => controllers.split(',').includes(controller)) ?? []
    this.#home = `${root}${own}/cgroup.procs`
    this.#path = `${root}/portolan-reliability-${process.pid}`
    mkdirSync(this.#path)
    process.once('exit', this.#leave)
  }

  /** To be called before {@link limit}: what it had before is charged to where it was. */
  take(pid: number): void {
    this.#pid = pid
    writeFileSync(`${this.#path}/cgroup.procs`, String(pid))
  }

  limit(name: string, value: number): void {
    writeFileSync(`${this.#path}/${name}`, String(value))
  }

  /** Whoever is in it leaves it; a cgroup goes when the kernel has buried the last process in it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#empty()
    for (let look = 0; ; look++) {
      try {
        rmdirSync(this.#path)
        process.off('exit', this.#leave)
        return
      } catch (error) {
        if (look > 100) throw error
        await sleep(50)
      }
    }
  }

  /** At an exit, as far as that can be done at once. */
  readonly #leave = (): void => {
    try {
      this.#empty()
      rmdirSync(this.#path)
    } catch {
      // Its process is still being buried: the folder stays, empty.
    }
  }

  #empty(): void {
    if (this.#pid !== undefined && existsSync(`/proc/${this.#pid}`))
      for (const pid of readFileSync(`${this.#path}/cgroup.procs`, 'utf8').split('\n').filter(Boolean))
        this.#release(pid)
  }

  #release(pid: string): void {
    try {
      writeFileSync(this.#home, pid)
    } catch {
      // It has ended.
    }
  }
}
