import type { HttpAnswer, HttpHandler } from '../http-answer.ts'

/** For tests: asks a page without a socket. */
export async function ask(page: HttpHandler, query: string): Promise<HttpAnswer> {
  return await page({ method: 'GET', path: '/', query: new URLSearchParams(query), headers: {} })
}

/** For tests: the JSON of an answer. */
export async function askJson(page: HttpHandler, query: string): Promise<{ status: number; body: never }> {
  const { status, body } = await ask(page, query)
  return { status, body: JSON.parse(String(body)) as never }
}
