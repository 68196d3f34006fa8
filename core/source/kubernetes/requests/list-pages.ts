import { ApiError } from '../connection/api-error.ts'
import { continueToken, member, resourceVersionOf } from './api-object.ts'
import type { Query } from './resource.ts'

/** Objects per page: a few megabytes, as client-go has it. */
const pageSize = '500'

export interface ListPage {
  /** To be gone through once. */
  readonly items: Iterable<unknown>
  /** Of the whole list: the same on every page. */
  readonly resourceVersion: string
  /** The token of the next page; empty: this is the last one. */
  readonly next: string
  readonly connection: object
}

export interface ListPagesOptions {
  /** For messages: `cannot list services`. */
  readonly what: string
  readonly read: (query: Query) => Promise<ListAnswer>
  /** The token of the page to begin with. Default: the first page. */
  readonly from?: string | undefined
}

/** One answer, read to its end. */
export interface ListAnswer {
  readonly body: object
  readonly connection: object
}

/**
 * A list, page by page; the server writes each while the one before is gone through. Throws {@link ApiError}; `API_EXPIRED`
 * when the list took longer than the server keeps it.
 */
export async function* listPages({ what, read, from }: ListPagesOptions): AsyncGenerator<ListPage> {
  const ask = (token?: string) =>
    read({ limit: pageSize, ...(token === undefined ? {} : { continue: token }) })
  let answer = ask(from)
  for (let next = from; next !== ''; ) {
    const { body, connection } = await answer
    const items = member(body, 'items') ?? []
    const resourceVersion = resourceVersionOf(body)
    if (!isIterable(items) || resourceVersion === '') {
      throw new ApiError('API_MALFORMED', `${what}: the answer is no list`)
    }
    next = continueToken(body)
    if (next !== '') {
      answer = ask(next)
      // Where this page ends the list, nobody waits for the next one.
      answer.catch(() => {})
    }
    yield { items, resourceVersion, next, connection }
  }
}

/** A text is, too, but no list. */
function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value
}
