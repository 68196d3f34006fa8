/** In which form an answer is written. */
export type Form = 'json' | 'protobuf'

export const mediaTypes: Readonly<Record<Form, string>> = {
  json: 'application/json',
  protobuf: 'application/vnd.kubernetes.protobuf',
}

/** The first form of an Accept header that is served; JSON where it names none. */
export function negotiate(accept: string | undefined): Form {
  for (const clause of (accept ?? '').split(',')) {
    const type = clause.split(';', 1)[0]?.trim().toLowerCase()
    if (type === mediaTypes.protobuf) return 'protobuf'
    if (type === mediaTypes.json || type === '*/*' || type === 'application/*') return 'json'
  }
  return 'json'
}
