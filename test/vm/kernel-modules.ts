import { basename } from 'node:path'

/**
 * The files of these modules and of all they stand on, each after those that it needs: the order of `insmod`.
 *
 * @param dependencies the text of `modules.dep`: `kernel/fs/9p/9p.ko: kernel/net/9p/9pnet.ko ...`
 * @param builtIn the text of `modules.builtin`: modules that need no loading, one path a line
 * @throws Error naming a module that the kernel doesn't have
 */
export function loadOrder(names: readonly string[], dependencies: string, builtIn: string): string[] {
  const needs = new Map<string, readonly string[]>()
  const files = new Map<string, string>()
  for (const line of dependencies.split('\n')) {
    const [file = '', rest = ''] = line.split(':')
    if (file === '') continue
    needs.set(file, rest.split(' ').filter(Boolean))
    files.set(moduleName(file), file)
  }
  const always = new Set(builtIn.split('\n').map(moduleName))

  const order = new Set<string>()
  const add = (file: string) => {
    for (const needed of needs.get(file) ?? []) add(needed)
    order.add(file)
  }
  for (const name of names) {
    const file = files.get(name)
    if (file !== undefined) add(file)
    else if (!always.has(name)) throw new Error(`this kernel has no module ${name}`)
  }
  return [...order]
}

/** `kernel/drivers/virtio/virtio-pci.ko.xz` is the module virtio_pci. */
function moduleName(file: string): string {
  return basename(file)
    .replace(/\.ko.*$/, '')
    .replaceAll('-', '_')
}
