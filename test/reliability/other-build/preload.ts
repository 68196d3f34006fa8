/** Imported before `portolan` itself: what is loaded from here on is another build's. */
import { registerHooks } from 'node:module'
import { edited, edits, editsOfPrograms } from './edits.ts'

const root = new URL('../../../', import.meta.url).href
const all = [...edits, ...editsOfPrograms(process.env.PORTOLAN_OTHER_BUILD ?? '')]

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    const here = all.filter(({ file }) => url === `${root}${file}`)
    if (here.length === 0) return loaded
    const source = String(loaded.source instanceof Uint8Array ? Buffer.from(loaded.source) : loaded.source)
    return { ...loaded, source: here.reduce(edited, source) }
  },
})
