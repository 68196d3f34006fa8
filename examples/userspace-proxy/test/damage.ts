import { SystemCommand } from '@portolan/native/system-command'
import { device } from '../src/kernel.ts'

/** What befalls a node's routes from outside. */
const damages: readonly (readonly string[])[] = [
  ['link', 'del', device],
  ['link', 'set', device, 'down'],
  ['route', 'flush', 'table', 'local', 'dev', device],
  ['route', 'add', 'local', '192.0.2.1', 'dev', device, 'table', 'local'],
  ['route', 'flush', 'table', 'main', 'dev', device],
]

/** The kit's hook `sabotage`: damages our routes in one of several ways; false when there are no more. */
export async function sabotage(networkNamespace: string, way: number): Promise<boolean> {
  const damage = damages[way]
  if (damage !== undefined) await new SystemCommand(networkNamespace).run('ip', damage)
  return damage !== undefined
}

/** The kit's hook `foreign`: puts a route of another tool beside ours; the function given looks for it. */
export async function foreign(networkNamespace: string): Promise<() => Promise<boolean>> {
  const command = new SystemCommand(networkNamespace)
  await command.run('ip', ['route', 'add', 'local', '192.0.2.2', 'dev', 'lo', 'table', 'local'])
  return async () => (await command.run('ip', ['route', 'show', 'table', 'local'])).includes('192.0.2.2')
}
