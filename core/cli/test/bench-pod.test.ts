import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { parse } from 'yaml'

const manifest = fileURLToPath(new URL('../../../deploy/bench-pod.yaml', import.meta.url))
const checkout = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '')
const portolan = fileURLToPath(new URL('../portolan.js', import.meta.url))

interface Pod {
  readonly spec: {
    readonly hostNetwork: boolean
    readonly hostPID: boolean
    readonly hostIPC: boolean
    readonly automountServiceAccountToken: boolean
    readonly containers: readonly Container[]
    readonly volumes: readonly Record<string, unknown>[]
  }
}

interface Container {
  readonly command: readonly string[]
  readonly args: readonly string[]
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[]
  readonly securityContext: {
    readonly privileged: boolean
    readonly allowPrivilegeEscalation: boolean
    readonly readOnlyRootFilesystem: boolean
    readonly capabilities: { readonly drop: readonly string[]; readonly add: readonly string[] }
    readonly seccompProfile: { readonly type: string }
  }
}

const pod = parse(await readFile(manifest, 'utf8')) as Pod
const [container] = pod.spec.containers as [Container]

/**
 * What a container runtime does for this pod, as far as the kernel goes: namespaces of its own, a read-only root and
 * /proc/sys, empty folders where volumes are, and these capabilities alone. Seccomp and AppArmor are not there. The
 * results go to /mnt, because this machine's root has no folder of that name; the checkout, which is in place of the image,
 * stays where it is, even below a volume.
 */
const likeARuntime = `
set -e
mount --make-rprivate /
ip link set lo up
results=$1; shift
volumes=$1; shift
caps=$1; shift
checkout=$1; shift
exec 9< "$checkout"
mount --bind "$results" /mnt
for volume in $volumes; do mount -t tmpfs tmpfs "$volume"; done
[ -e "$checkout/package.json" ] || { mkdir -p "$checkout"; mount --no-canonicalize --bind /proc/self/fd/9 "$checkout"; }
mount --bind /proc/sys /proc/sys
mount -o remount,ro,bind /proc/sys
mount -o remount,ro,bind /
exec setpriv --bounding-set "$caps" --inh-caps "$caps" --no-new-privs "$@"
`

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs the pod's own command with a \`portolan\` on the path, which is this checkout's. */
async function runPod(
  t: ExecutionContext,
  capabilities: readonly string[],
  args: readonly string[],
): Promise<Outcome> {
  const results = await mkdtemp(join(tmpdir(), 'pl-pod-'))
  t.teardown(() => rm(results, { recursive: true, force: true }))
  const volumes = container.volumeMounts
    .map(({ mountPath }) => mountPath)
    .filter((path) => path !== '/results')
  const caps = ['-all', ...capabilities.map((name) => `+${name.toLowerCase()}`)].join(',')
  const [shell = '', flag = '', script = '', name = ''] = container.command
  const here = script
    .replace('portolan bench', `${process.execPath} ${portolan} bench`)
    .replaceAll('/results/', '/mnt/')
  return new Promise((resolve, reject) => {
    execFile(
      'unshare',
      [
        ...['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'],
        ...['sh', '-c', likeARuntime, 'pod', results, volumes.join(' '), caps, checkout],
        ...[shell, flag, here, name, ...args],
      ],
      { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }, maxBuffer: 64 << 20, timeout: 480_000 },
      (error, stdout, stderr) => {
        if (error !== null && typeof error.code !== 'number') reject(error)
        else resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
      },
    )
  })
}

test('the pod has nothing of the node, and no token', (t) => {
  const { hostNetwork, hostPID, hostIPC, automountServiceAccountToken, volumes } = pod.spec
  t.deepEqual([hostNetwork, hostPID, hostIPC, automountServiceAccountToken], [false, false, false, false])
  t.true(volumes.every((volume) => 'emptyDir' in volume))
})

test('the container is not privileged, and its root is read-only', (t) => {
  const { privileged, allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities, seccompProfile } =
    container.securityContext
  t.deepEqual([privileged, allowPrivilegeEscalation, readOnlyRootFilesystem], [false, false, true])
  t.deepEqual(capabilities, { drop: ['ALL'], add: ['NET_ADMIN', 'SYS_ADMIN', 'NET_RAW'] })
  t.is(seccompProfile.type, 'RuntimeDefault')
})

const quick = ['--services', '10', '--dataplane', 'nftables', '--scenario', 'cold-start,endpoint-replaced']

test.serial('with these capabilities alone the benchmark runs, and prints its figures', async (t) => {
  t.timeout(600_000)
  const { code, stdout, stderr } = await runPod(t, container.securityContext.capabilities.add, quick)
  t.is(code, 0, stderr.slice(-2000))
  const results = JSON.parse(stdout.slice(stdout.indexOf('\n{\n'))) as { readonly results: readonly object[] }
  t.true(results.results.length > 10)
})

for (const [missing, says] of [
  ['NET_ADMIN', /operation not permitted.*needs CAP_NET_ADMIN/i],
  ['SYS_ADMIN', /mount: .*permission denied/],
] as const) {
  test.serial(`without ${missing} it can't`, async (t) => {
    t.timeout(600_000)
    const others = container.securityContext.capabilities.add.filter((name) => name !== missing)
    const { code, stderr } = await runPod(t, others, quick)
    t.not(code, 0)
    t.regex(stderr, says)
  })
}
