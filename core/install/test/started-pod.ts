import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import type { Manifest } from '../manifest.ts'

const program = fileURLToPath(new URL('../../cli/portolan.js', import.meta.url))
const checkout = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '')

/** What of a DaemonSet's pod a runtime makes a container of. */
export interface PodSpec {
  readonly hostPID?: boolean
  readonly containers: readonly [Container]
  readonly volumes: readonly Volume[]
}

interface Container {
  readonly args: readonly string[]
  readonly securityContext: { readonly capabilities: { readonly add: readonly string[] } }
  readonly volumeMounts: readonly {
    readonly name: string
    readonly mountPath: string
    readonly readOnly?: boolean
  }[]
}

interface Volume {
  readonly name: string
  readonly hostPath?: { readonly path: string }
}

/**
 * What a container runtime does for the pod, as far as the kernel goes: a root of its own that is read-only, and so are
 * /sys and /proc/sys; the volumes; the cgroup's own part of the hierarchy; these capabilities alone. The machine's files are in place of the image. Seccomp and AppArmor are not there.
 */
const likeARuntime = `
set -e
caps=$1; root=$2; volumes=$3; checkout=$4; shift 4
mount --make-rprivate /
ip link set lo up
ip link add node0 type veth peer name node1
ip address add 192.168.50.11/24 dev node0
ip link set node1 up
ip link set node0 up
mount -t tmpfs tmpfs "$root"
mkdir "$root/upper" "$root/work" "$root/container"
mount -t overlay overlay -o "lowerdir=/,upperdir=$root/upper,workdir=$root/work" "$root/container"
cd "$root/container"
mkdir -p "./$checkout"
mount --rbind "$checkout" "./$checkout"
mount --rbind /dev dev
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 -o ro cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
echo "$volumes" | while read -r source target mode; do
  [ -n "$source" ] || continue
  if [ -d "$source" ]; then mkdir -p "./$target"; else touch "./$target"; fi
  mount --rbind "$source" "./$target"
  [ "$mode" = rw ] || mount -o remount,bind,ro "./$target"
done
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -o remount,bind,ro .
exec chroot . setpriv --bounding-set "$caps" --inh-caps "$caps" --no-new-privs "$@"
`

/** A line of the log. */
export interface LogLine {
  readonly level: string
  readonly event: string
  readonly msg: string
  readonly [field: string]: unknown
}

export interface StartOptions {
  /** In place of those of the pod. */
  readonly capabilities?: readonly string[]
  /** Paths of this machine in place of those of a node, by the name of the volume. */
  readonly volumes?: Readonly<Record<string, string>>
  /** More of the program's arguments. */
  readonly args?: readonly string[]
  readonly nodeName: string
}

/** The pod that the manifests describe, on this machine. */
export class StartedPod {
  readonly lines: LogLine[] = []
  /** What isn't a line of the log. */
  errors = ''
  readonly #child: ChildProcess
  readonly #ended: Promise<number | null>

  private constructor(child: ChildProcess) {
    this.#child = child
    child.stderr?.on('data', (chunk) => (this.errors += chunk))
    const read = (async () => {
      if (child.stdout === null) return
      for await (const line of createInterface(child.stdout)) this.lines.push(JSON.parse(line) as LogLine)
    })()
    this.#ended = Promise.all([once(child, 'exit'), read]).then(([[code]]) => code as number | null)
  }

  static async start(
    t: ExecutionContext,
    manifests: readonly Manifest[],
    { capabilities, volumes = {}, args = [], nodeName }: StartOptions,
  ): Promise<StartedPod> {
    const folder = await mkdtemp(join(tmpdir(), 'pl-pod-'))
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    const root = join(folder, 'root')
    await mkdir(root)
    const spec = podSpecOf(manifests)
    const [container] = spec.containers
    const all = { ...(await configVolume(join(folder, 'config'), manifests)), ...volumes }
    const mounts = container.volumeMounts.map(({ name, mountPath, readOnly = false }) => {
      const { hostPath } = spec.volumes.find((volume) => volume.name === name) ?? {}
      return [all[name] ?? hostPath?.path ?? '', mountPath, readOnly ? 'ro' : 'rw'].join(' ')
    })
    const added = capabilities ?? container.securityContext.capabilities.add
    const caps = ['-all', ...added.map((name) => `+${name.toLowerCase()}`)].join(',')
    const own = container.args.map((argument) => argument.replace('$(NODE_NAME)', nodeName))
    const namespaces = ['--net', '--mount', '--cgroup', '--kill-child', '--fork']
    const child = spawn(
      'unshare',
      [
        ...[...namespaces, ...(spec.hostPID === true ? [] : ['--pid'])],
        ...['sh', '-c', likeARuntime, 'pod', caps, root, mounts.join('\n'), checkout],
        ...[process.execPath, program, 'run', ...own, ...args],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } },
    )
    t.teardown(() => child.kill('SIGKILL'))
    return new StartedPod(child)
  }

  /** Resolves when the log has the event; rejects when the process ends before. */
  async logged(event: string): Promise<void> {
    while (!this.lines.some((line) => line.event === event)) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        throw new Error(`ended without ${event}:\n${this.#said}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  /** Lets it end by itself. */
  ended(): Promise<number | null> {
    return this.#ended
  }

  /** What is told as wrong. */
  get warnings(): readonly string[] {
    return this.lines
      .filter(({ level }) => level !== 'info')
      .map(({ level, event, msg }) => `${level} ${event}: ${msg}`)
  }

  get #said(): string {
    return [...this.lines.map((line) => JSON.stringify(line)), this.errors].join('\n')
  }
}

export function podSpecOf(manifests: readonly Manifest[]): PodSpec {
  const found = manifests.find(({ object }) => object.kind === 'DaemonSet')
  const { spec } = found?.object as { readonly spec: { readonly template: { readonly spec: PodSpec } } }
  return spec.template.spec
}

/** The ConfigMap as kubelet mounts it. */
async function configVolume(
  folder: string,
  manifests: readonly Manifest[],
): Promise<Readonly<Record<string, string>>> {
  const found = manifests.find(({ object }) => object.kind === 'ConfigMap')
  const { data = {} } = (found?.object ?? {}) as { readonly data?: Readonly<Record<string, string>> }
  await mkdir(folder)
  for (const [name, text] of Object.entries(data)) await writeFile(join(folder, name), text)
  return { config: folder }
}
