import { expectJson, readJson } from './api-answer.ts'
import { ApiError } from './api-error.ts'
import { continueToken, listVersion, member } from './api-object.ts'
import type { ApiResponse } from './connection.ts'
import type { Query } from './resource.ts'

/** Objects per page: a few megabytes, as client-go has it. */
const pageSize = '500'

export interface ListPage {
  readonly items: readonly unknown[]
  /** Of the whole list: the same on every page. */
  readonly resourceVersion: string
  readonly connection: object
}

export interface ListPagesOptions {
  /** For messages: `cannot list services`. */
  readonly what: string
  readonly get: (query: Query) => Promise<ApiResponse>
  /** Called for every piece that arrives. */
  readonly heard: () => void
}

/** A list, page by page. Throws {@link ApiError}; `API_EXPIRED` when the list took longer than the server keeps it. */
export async function* listPages({ what, get, heard }: ListPagesOptions): AsyncGenerator<ListPage> {
  let token = ''
  do {
    const response = await get({ limit: pageSize, ...(token === '' ? {} : { continue: token }) })
    heard()
    await expectJson(response, what)
    const page = await readJson(response, what, heard)
    const items = member(page, 'items') ?? []
    const resourceVersion = listVersion(page)
    if (!Array.isArray(items) || resourceVersion === '') {
      throw new ApiError('API_MALFORMED', `${what}: the answer is no list`)
    }
    yield { items, resourceVersion, connection: response.connection }
    heard()
    token = continueToken(page)
  } while (token !== '')
}
