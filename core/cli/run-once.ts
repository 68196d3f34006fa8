import { type Flags, flagTexts } from '../config/config-flags.ts'
import { flag } from '../config/field-kind.ts'
import { readConfig } from './read-config.ts'

/**
 * What kube-proxy's flags ask for in place of running. Nothing of it reads a cluster, so none has to be named; and a
 * clean-up needs no configuration: that of a node which is to be cleaned up may be gone.
 *
 * @returns whether one did, so that nothing is left to do
 */
export async function runOnce(flags: Flags): Promise<boolean> {
  const [path = ''] = flagTexts(flags, 'write-config-to')
  if (path !== '') {
    const { unwrittenFlags, writeConfig } = await import('./write-config.ts')
    const resolved = await readConfig(flags, { inCluster: true })
    await writeConfig(path, resolved)
    console.error(`portolan: wrote the configuration to ${path}`)
    for (const line of unwrittenFlags(flags, resolved)) console.error(`portolan: ${line}`)
    return true
  }
  if (isAsked(flags, 'init-only')) {
    await (await import('./init-only.ts')).initOnly((await readConfig(flags, { inCluster: true })).config)
    return true
  }
  if (!isAsked(flags, 'cleanup')) return false
  await (await import('./cleanup.ts')).cleanup({})
  return true
}

/** What is neither true nor false isn't asked: it is refused with whatever else is wrong, before anything runs. */
function isAsked(flags: Flags, name: 'cleanup' | 'init-only'): boolean {
  const [text = 'false'] = flagTexts(flags, name)
  return flag.fromText(text) === true
}
