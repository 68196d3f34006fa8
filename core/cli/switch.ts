import { readFile } from 'node:fs/promises'
import { loadDataplane } from '../dataplane/load-dataplane.ts'
import { type Holder, holderHere } from '../node/one-at-a-time.ts'
import { unusable } from '../proxy/proxy-error.ts'
import { describeSwitch } from './describe-switch.ts'
import { UserError } from './user-error.ts'

/** Says whether another dataplane can take over on this node, what it lacks, and the exact steps. Changes nothing. */
export async function switchDataplane(name: string): Promise<void> {
  const dataplane = await loadDataplane(name, { masqueradeBit: 14, settings: {} })
  const probe = await dataplane.probe()
  if (!probe.usable) throw unusable(name, probe)
  const holder = await holderHere()
  if (holder !== 'gone' && holder?.command !== 'run')
    throw new UserError(
      holder === undefined
        ? "a Portolan has this node, and doesn't say which: it hangs or is stopped"
        : `portolan cleanup is at work on this node (process ${holder.pid})`,
      { fix: 'ask again when it is done; ss -xlp src unix:@portolan names the process' },
    )
  const from = holder === 'gone' ? undefined : holder
  const lines = describeSwitch({
    to: dataplane,
    facts: probe.facts,
    ...(from === undefined ? {} : { holder: from, from: await loadedOrNot(from) }),
    args: from === undefined ? undefined : await argumentsOf(from.pid),
  })
  for (const line of lines) console.log(line)
}

async function loadedOrNot({ dataplane = '' }: Holder) {
  return loadDataplane(dataplane, { masqueradeBit: 14, settings: {} }).catch(() => undefined)
}

/** What stands after `portolan run`; `undefined`: the process is another container's, or isn't shown. */
async function argumentsOf(pid: number): Promise<readonly string[] | undefined> {
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  const words = text.split('\0').slice(0, -1)
  const run = words.indexOf('run')
  const isPortolan = run > 0 && /portolan(\.js)?$/.test(words[run - 1] ?? '')
  return isPortolan ? words.slice(run + 1) : undefined
}
