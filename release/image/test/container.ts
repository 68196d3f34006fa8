import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { execa } from 'execa'
import { containerdDefault } from './default-seccomp.ts'

/** What of the pod that the manifests describe a container runtime reads. */
export interface PodSpec {
  readonly hostPID?: boolean
  readonly containers: readonly [Container]
  readonly volumes: readonly { readonly name: string; readonly hostPath?: { readonly path: string } }[]
}

interface Container {
  readonly command: readonly string[]
  readonly args: readonly string[]
  readonly securityContext: {
    readonly allowPrivilegeEscalation: boolean
    readonly readOnlyRootFilesystem: boolean
    readonly capabilities: { readonly add: readonly string[] }
    readonly seccompProfile: { readonly type: string }
  }
  readonly volumeMounts: readonly {
    readonly name: string
    readonly mountPath: string
    readonly readOnly?: boolean
  }[]
}

export interface StartOptions {
  readonly pod: PodSpec
  /** The image's layers as folders, the lowest last. */
  readonly layers: readonly string[]
  /** The host's, for `hostNetwork`. */
  readonly networkNamespace: string
  readonly nodeName: string
  /** Paths of this machine by the name of the volume, in place of those of a node. */
  readonly volumes: Readonly<Record<string, string>>
  /** What kubelet mounts as the service account. */
  readonly serviceAccount: string
  /** More of the program's arguments. */
  readonly args: readonly string[]
  /** For the bundle and runc's state; removed at the end. */
  readonly folder: string
}

/**
 * A container that runc runs as containerd has it run for the pod: layers over one another below a layer of its own, a root
 * that is read-only, the pod's capabilities and volumes, and the node's network. There is no seccomp profile.
 */
export class RunningContainer implements AsyncDisposable {
  readonly lines: { readonly level: string; readonly event?: string; readonly msg: string }[] = []
  errors = ''
  readonly #name: string
  readonly #folder: string
  readonly #child: ChildProcess
  /** Behind the last line that it says. */
  readonly #closed: Promise<unknown>

  private constructor(name: string, folder: string, child: ChildProcess) {
    this.#name = name
    this.#folder = folder
    this.#child = child
    this.#closed = new Promise((resolve) => child.once('close', resolve))
    child.stderr?.on('data', (chunk) => (this.errors += String(chunk)))
    if (child.stdout !== null)
      createInterface(child.stdout).on('line', (line) => {
        if (line.startsWith('{')) this.lines.push(JSON.parse(line))
        else this.errors += `${line}\n`
      })
  }

  static async start(options: StartOptions): Promise<RunningContainer> {
    const { folder, layers } = options
    const name = `portolan-test-${process.pid}-${++started}`
    for (const part of ['rootfs', 'upper', 'work', 'state'])
      await mkdir(join(folder, part), { recursive: true })
    const overlay = `lowerdir=${layers.join(':')},upperdir=${join(folder, 'upper')},workdir=${join(folder, 'work')}`
    await execa('mount', ['-t', 'overlay', 'overlay', '-o', overlay, join(folder, 'rootfs')])
    await writeFile(join(folder, 'config.json'), JSON.stringify(await runtimeSpec(name, options)))
    const child = spawn('runc', ['--root', join(folder, 'state'), 'run', '--bundle', folder, name], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    })
    return new RunningContainer(name, folder, child)
  }

  /** Rejects when the container ends before. */
  async logged(event: string): Promise<void> {
    while (!this.lines.some((line) => line.event === event)) {
      if (this.#child.exitCode !== null) throw new Error(`ended without ${event}:\n${this.said}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  get said(): string {
    return [...this.lines.map((line) => JSON.stringify(line)), this.errors].join('\n')
  }

  /** What the kernel says of the program: MiB that it has in memory now, and whether its system calls are filtered. */
  async process(): Promise<{ readonly residentMemory: number; readonly isFiltered: boolean }> {
    const { stdout } = await this.#runc('state', this.#name)
    const { pid } = JSON.parse(stdout) as { pid: number }
    const status = await readFile(`/proc/${pid}/status`, 'utf8')
    const number = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1])
    return { residentMemory: number('VmRSS') / 1024, isFiltered: number('Seccomp') === 2 }
  }

  /** @returns its exit code */
  async stop(): Promise<number | null> {
    await this.#runc('kill', this.#name, 'TERM')
    return await this.ended()
  }

  /** Waits for it to end by itself. @returns its exit code */
  async ended(): Promise<number | null> {
    await this.#closed
    return this.#child.exitCode
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) {
      await this.#runc('kill', this.#name, 'KILL').catch(() => {})
      await this.#closed
    }
    await this.#runc('delete', '--force', this.#name)
    await execa('umount', [join(this.#folder, 'rootfs')])
    await rm(this.#folder, { recursive: true, force: true })
  }

  #runc(...args: readonly string[]) {
    return execa('runc', ['--root', join(this.#folder, 'state'), ...args])
  }
}

let started = 0

async function runtimeSpec(name: string, options: StartOptions): Promise<object> {
  const { pod, networkNamespace, nodeName, volumes, serviceAccount, args } = options
  const [{ command, args: own, securityContext, volumeMounts }] = pod.containers
  const capabilities = securityContext.capabilities.add.map((capability) => `CAP_${capability}`)
  const isDefault = securityContext.seccompProfile.type === 'RuntimeDefault'
  const seccomp = isDefault ? await containerdDefault(capabilities) : undefined
  const bind = (source: string, destination: string, mode: 'ro' | 'rw') => ({
    source,
    destination,
    type: 'bind',
    options: ['rbind', mode],
  })
  const paths = new Map(pod.volumes.map(({ name: volume, hostPath }) => [volume, hostPath?.path]))
  const limited = ['nosuid', 'noexec', 'nodev']
  return {
    ociVersion: '1.0.2',
    process: {
      user: { uid: 0, gid: 0 },
      args: [...command, ...own.map((one) => one.replace('$(NODE_NAME)', nodeName)), ...args],
      env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin', `NODE_NAME=${nodeName}`],
      cwd: '/',
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      noNewPrivileges: !securityContext.allowPrivilegeEscalation,
    },
    root: { path: 'rootfs', readonly: securityContext.readOnlyRootFilesystem },
    hostname: nodeName,
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc', options: limited },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=64k'] },
      { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...limited, 'ro'] },
      { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: [...limited, 'mode=1777'] },
      bind(serviceAccount, '/var/run/secrets/kubernetes.io/serviceaccount', 'ro'),
      ...volumeMounts.map((mount) =>
        bind(
          volumes[mount.name] ?? paths.get(mount.name) ?? '',
          mount.mountPath,
          mount.readOnly === true ? 'ro' : 'rw',
        ),
      ),
    ],
    linux: {
      cgroupsPath: `/${name}`,
      namespaces: [
        { type: 'network', path: networkNamespace },
        ...['mount', 'ipc', 'uts', ...(pod.hostPID === true ? [] : ['pid'])].map((type) => ({ type })),
      ],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
      maskedPaths: ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/sys/firmware'],
      ...(seccomp === undefined ? {} : { seccomp }),
    },
  }
}
