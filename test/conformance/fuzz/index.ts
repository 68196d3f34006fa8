/**
 * Random clusters, histories and conversations, of which `portolan fuzz` makes a command: {@link search} finds what a dataplane
 * does wrong, and {@link replay} plays it again in a test.
 */

export { type FuzzPath, parsePath, pathText } from './path.ts'
export { type Replayed, replay } from './replay.ts'
export {
  type Amounts,
  type Found,
  type SearchOptions,
  type SearchResult,
  type SearchWatcher,
  search,
  searchPath,
} from './search.ts'
export { type PhaseName, type PlainTrial, phases, type Trial } from './trial.ts'
