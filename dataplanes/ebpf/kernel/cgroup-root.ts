import { existsSync, readFileSync } from 'node:fs'

/**
 * Where the cgroup2 hierarchy is mounted, also beside one of version 1 (hybrid) or at a place of its own. Of several
 * mounts, the one that shows the hierarchy's root: a container may see its own cgroup only.
 */
export function findCgroup(
  mounts: string = readFileSync('/proc/self/mounts', 'utf8'),
  isRoot: (path: string) => boolean = (path) => !existsSync(`${path}/cgroup.type`),
): string | undefined {
  const paths = mounts
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , type]) => type === 'cgroup2')
    .map(([, path = '']) => unescaped(path))
  return paths.find(isRoot) ?? paths[0]
}

/** Blanks and the like are octal in there (proc_pid_mounts(5)). */
function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}
