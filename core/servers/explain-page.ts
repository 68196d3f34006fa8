import type { Dataplane } from '../dataplane/contract.ts'
import { stepText } from '../dataplane/contract.ts'
import { answer, type KnownNode } from '../explain/answer.ts'
import { parseDestination } from '../explain/destination.ts'
import { describeExplanation, explanationOf } from '../explain/explanation.ts'
import { parseClient } from '../explain/packet-source.ts'
import { invalid } from '../explain/question-error.ts'
import { ipFamilies } from '../network/address.ts'
import { answering, asked } from './asked.ts'
import { type HttpHandler, jsonAnswer, textAnswer } from './http-answer.ts'

/** `portolan explain`, by the tables of the proxy that runs. */
export function explainPage(known: KnownNode, dataplane: Pick<Dataplane, 'trace'>): HttpHandler {
  return answering((request) => {
    const {
      from,
      to,
      family: familyText,
      format = 'json',
    } = asked(request, ['from', 'to', 'family', 'format'])
    if (from === undefined) throw invalid('from: missing', 'one of pod, node, outside, or an IP address')
    if (to === undefined)
      throw invalid('to: missing', 'write it as 10.96.0.10:80, 10.96.0.53:53/UDP or node:30080')
    if (format !== 'json' && format !== 'text') throw invalid(`format: unknown`, 'json or text')
    const family = ipFamilies.find((one) => one === familyText)
    if (familyText !== undefined && family === undefined)
      throw invalid('family: unknown', ipFamilies.join(' or '))
    const question = { client: parseClient(from), destination: parseDestination(to), family }
    const { evaluation, table, reasons, steps } = answer(question, known, dataplane)
    const explanation = explanationOf(evaluation, table, reasons, steps.map(stepText), undefined)
    return format === 'json'
      ? jsonAnswer(200, explanation)
      : textAnswer(200, `${describeExplanation(explanation, evaluation)}\n`)
  })
}
