import { invalid, QuestionError } from '../explain/question-error.ts'
import { type HttpAnswer, type HttpHandler, type HttpRequest, jsonAnswer } from './http-answer.ts'

/** Characters of a parameter, at most: an IPv6 address, a Service's two names, and room. */
const maxLength = 600

/**
 * The parameters of a request, each at most once.
 *
 * @throws {QuestionError} for one that the page doesn't know, one that comes twice, and one that is too long
 */
export function asked<Name extends string>(
  { query }: HttpRequest,
  names: readonly Name[],
): Readonly<Partial<Record<Name, string>>> {
  const values: Partial<Record<Name, string>> = {}
  for (const [key, value] of query) {
    const name = names.find((one) => one === key)
    if (name === undefined) throw invalid(`${shown(key)}: no such parameter`, `one of ${names.join(', ')}`)
    if (values[name] !== undefined) throw invalid(`${name}: given twice`, 'give it once')
    if (value.length > maxLength) throw invalid(`${name}: too long`, `at most ${maxLength} characters`)
    values[name] = value
  }
  return values
}

/** A page that may be asked wrongly: what is wrong with the question is told by a 400, and what to do. */
export function answering(handler: HttpHandler): HttpHandler {
  return async (request): Promise<HttpAnswer> => {
    try {
      return await handler(request)
    } catch (error) {
      if (!(error instanceof QuestionError)) throw error
      const status = error.code === 'QUESTION_INVALID' ? 400 : 404
      return jsonAnswer(status, { error: error.message, fix: error.fix })
    }
  }
}

/** What a client sent, short and without anything that a terminal would act on. */
function shown(text: string): string {
  return JSON.stringify(text.slice(0, 40).replaceAll(/[^\x20-\x7e]/g, '?'))
}
