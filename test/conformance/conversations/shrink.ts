import type { Script } from './conversation.ts'

/**
 * Makes a script that fails as short as it gets: whole conversations go first, then single messages, then bytes.
 *
 * @param fails plays a script and tells whether it still fails
 * @param most how many scripts may be played
 */
export async function shrink(
  script: Script,
  fails: (script: Script) => Promise<boolean>,
  most = 200,
): Promise<Script> {
  let least = script
  let left = most
  const attempt = async (smaller: Script): Promise<boolean> => {
    if (left === 0) return false
    left -= 1
    if (!(await fails(smaller))) return false
    least = smaller
    return true
  }
  for (
    let size = Math.ceil(least.conversations.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let from = 0; from < least.conversations.length; ) {
      const gone = new Set(least.conversations.slice(from, from + size).map(({ id }) => id))
      if (gone.size === least.conversations.length || !(await attempt(without(least, gone)))) from += size
    }
  }
  for (let index = least.steps.length - 1; index >= 0; index--) {
    const step = least.steps[index]
    if (step === undefined || step.do === 'open') continue
    await attempt({ ...least, steps: least.steps.toSpliced(index, 1) })
  }
  for (const [index, step] of least.steps.entries()) {
    if (!('bytes' in step) || step.bytes === 0) continue
    await attempt({ ...least, steps: least.steps.with(index, { ...step, bytes: 0 }) })
  }
  return least
}

function without({ conversations, steps }: Script, ids: ReadonlySet<number>): Script {
  return {
    conversations: conversations.filter(({ id }) => !ids.has(id)),
    steps: steps.filter(({ of }) => !ids.has(of)),
  }
}
